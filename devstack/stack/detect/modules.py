"""Where Python has to start so that a file's imports are found."""

from __future__ import annotations

import re
from pathlib import Path

from devstack.stack.detect.tree import Tree

_RELATIVE = re.compile(r"^\s*from\s+(\.+)", re.MULTILINE)
_ABSOLUTE = re.compile(
    r"^\s*(?:from|import)\s+([A-Za-z_]\w*)((?:\.\w+)*)(?:[ \t]+import[ \t]+\(?([\w, \t]+))?", re.MULTILINE
)

_SERVED = re.compile(r"""['"]([A-Za-z_][\w.]*):[A-Za-z_]\w*['"]""")
_NAMED = re.compile(r"""['"](\w[\w./-]*)\.py['"]""")


def top(tree: Tree, file: Path, project: Path) -> Path:
    """The folder that must be on the path of modules: as the imports of `file` say, else `project`."""
    text = tree.text(file)
    dots = max((len(match[1]) for match in _RELATIVE.finditer(text)), default=0)
    imports = [
        (match[1], match[2].replace(".", "/") or f"/{(match[3] or '').split(',')[0].strip()}")
        for match in _ABSOLUTE.finditer(text)
    ]
    inner = [file.parent, *file.parent.parents]
    inner = inner[: inner.index(tree.root)]  # never above the repository
    if dots and len(inner) >= dots:
        outermost = inner[dots - 1]
        while outermost.parent != tree.root and (outermost.parent / "__init__.py").is_file():
            outermost = outermost.parent
        return outermost.parent
    for folder in reversed(inner):
        inside = [rest.strip("/") for name, rest in imports if name == folder.name]
        is_package = (folder / "__init__.py").is_file()
        if not _has(file.parent, folder.name) and any(
            is_package or (one and _has(folder, one)) for one in inside
        ):
            return folder.parent
    if any(name != file.stem and _has(file.parent, name) and not _has(project, name) for name, _ in imports):
        return file.parent
    return project


def imported(tree: Tree, file: Path, folders: tuple[Path, ...]) -> set[Path]:
    """The files that `file` imports, starts or has served (`"app.main:app"`, `"bot.py"`), looked for in `folders`."""
    served = [match[1].replace(".", "/") for match in _SERVED.finditer(tree.text(file))]
    served += [match[1] for match in _NAMED.finditer(tree.text(file))]
    found = {folder / f"{one}.py" for folder in folders for one in served}
    for match in _ABSOLUTE.finditer(tree.text(file)):
        module = (match[1] + match[2]).replace(".", "/")
        inside = [f"{module}/{name.split()[0]}" for name in (match[3] or "").split(",") if name.strip()]
        found |= {folder / f"{one}.py" for folder in folders for one in (module, *inside)}
    return found


def dotted(path: Path) -> str:
    """`api/index.py` as a module; `__main__.py` as its package."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__main__" and len(parts) > 1 else parts)


def _has(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or any((folder / name).glob("*.py"))
