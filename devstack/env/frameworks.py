"""Frameworks told by package.json: the names they publish, and the env files that they load themselves."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from devstack.env import versions
from devstack.env.files import Files
from devstack.patterns import regex
from devstack.records import dataclass

_PUBLIC_PREFIX = regex(r"publicPrefix\s*:\s*['\"](\w+)['\"]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    """What one framework does with env files.

    Attributes:
        prefixes: names with these prefixes reach the browser.
        programs: those of its own that read the four files that Next reads, in the same order; none where Vite
            loads for it.
    """

    prefixes: tuple[str, ...]
    programs: frozenset[str] = frozenset()

    def is_run_by(self, words: Iterable[str]) -> bool:
        """Whether one of its programs is among the words of a command."""
        return not self.programs.isdisjoint(word.rpartition("/")[2] for word in words)


_FRAMEWORKS = {
    "@sveltejs/kit": Framework(prefixes=("VITE_", "PUBLIC_")),
    "astro": Framework(prefixes=("PUBLIC_",)),
    "expo": Framework(prefixes=("EXPO_PUBLIC_",), programs=frozenset({"expo"})),
    "react-scripts": Framework(
        prefixes=("REACT_APP_",), programs=frozenset({"react-scripts", "craco", "react-app-rewired"})
    ),
}


def of(folder: Path, files: Files) -> Framework | None:
    """The framework that the package.json of `folder` names; None for Next, Vite alone and everything else."""
    return files.derive(_of, str(folder))


def _of(files: Files, folder: str) -> Framework | None:
    try:
        content = files.read(Path(folder, "package.json")) or b""
    except OSError:
        return None
    for name, framework in _FRAMEWORKS.items():
        if name.encode() in content and versions.depends_on(name, Path(folder), files):
            own = _own_prefix(files, folder) if name == "@sveltejs/kit" else None
            return framework if own is None else Framework(prefixes=("VITE_", own))
    return None


def file_names(mode: str) -> tuple[str, ...]:
    """The files of one mode, as Next, Expo and Create React App read them; the first definition wins."""
    from devstack.env.loaders import next as next_loader

    return tuple(next_loader.file_names(mode))


def _own_prefix(files: Files, folder: str) -> str | None:
    """`kit.env.publicPrefix` of svelte.config.js."""
    try:
        content = files.read(Path(folder, "svelte.config.js"))
    except OSError:
        return None
    found = None if content is None else _PUBLIC_PREFIX.search(content.decode("utf-8", "replace"))
    return None if found is None else found[1]
