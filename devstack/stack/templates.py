"""Scaffolds for `devstack init --template`: found beside the source tree and inside an installed wheel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from devstack.errors import UsageError
from devstack.records import dataclass

_SKIPPED = {"node_modules", "__pycache__", ".venv", ".devstack"}
# Names that git, npm or a packager would treat specially inside the template itself.
_DOTTED = {"gitignore": ".gitignore", "env.example": ".env.example"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One scaffold; `summary` is the first line of its README."""

    name: str
    summary: str
    folder: Path


def folder() -> Path:
    """Where templates are: the wheel puts them into the package, a checkout has them beside it."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def every() -> Iterator[Template]:
    """All templates, by name."""
    place = folder()
    for one in sorted(place.iterdir()) if place.is_dir() else ():
        if (one / "stack.toml").is_file():
            yield Template(name=one.name, summary=_summary(one / "README.md"), folder=one)


def files(name: str) -> dict[str, bytes]:
    """The files that `name` writes: POSIX path → content. Raises UsageError for an unknown name."""
    known = {template.name: template for template in every()}
    if name not in known:
        raise UsageError(f"no template `{name}`", hint=f"templates: {', '.join(known) or 'none installed'}")
    base = known[name].folder
    found = {}
    for path in sorted(base.rglob("*")):
        relative = path.relative_to(base)
        if path.is_file() and not _SKIPPED & set(relative.parts):
            found[_target(relative)] = path.read_bytes()
    return found


def _target(relative: Path) -> str:
    return (relative.parent / _DOTTED.get(relative.name, relative.name)).as_posix()


def _summary(readme: Path) -> str:
    if not readme.is_file():
        return ""
    lines = readme.read_text(encoding="utf-8").splitlines()
    return next((line.strip("# ") for line in lines if line.strip()), "")
