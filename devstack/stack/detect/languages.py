"""Servers in languages whose sources are not read: what the repository itself says to start for development."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from devstack.stack import shell_words
from devstack.stack.detect.follow import Leaf
from devstack.stack.detect.model import Candidate
from devstack.stack.detect.tree import Tree
from devstack.stack.model import ServiceType

# How a command begins that runs a server from its source, the file that must be there, the port it has by itself.
_STARTS: tuple[tuple[tuple[str, ...], str, int | None], ...] = (
    (("go", "run"), "go.mod", None),
    (("air",), "go.mod", None),
    (("cargo", "run"), "Cargo.toml", None),
    (("cargo", "watch"), "Cargo.toml", None),
    (("mix", "phx.server"), "mix.exs", 4000),
    (("dotnet", "run"), "*.csproj", None),
    (("dotnet", "watch"), "*.csproj", None),
    (("bin/rails", "server"), "Gemfile", 3000),
    (("rails", "server"), "Gemfile", 3000),
    (("php", "artisan", "serve"), "artisan", 8000),
    (("./mvnw", "spring-boot:run"), "pom.xml", 8080),
    (("mvn", "spring-boot:run"), "pom.xml", 8080),
    (("./gradlew", "bootRun"), "build.gradle*", 8080),
)
_SUFFIXES = (".go", ".rs", ".ex", ".exs", ".cs", ".rb", ".php", ".java", ".kt")
_LISTENS = re.compile(
    r"""(?:ListenAndServe(?:TLS)?\(|\.(?:Run|Listen|Start)\(|\bAddr\s*:)\s*(?:fmt\.Sprintf\()?"[^":]*:(\d{4,5})\""""
    r"""|\bbind\(\s*\(?\s*"[\d.:]+"?\s*,\s*(\d{4,5})|"(?:0\.0\.0\.0|127\.0\.0\.1|localhost):(\d{4,5})\""""
    r"""|(?i:\bport)[^\n]{0,40}?["=( ](\d{4,5})["\s),;]"""
)
_SOCKETS = re.compile(r"websocket|tungstenite|phoenix|signalr|actioncable|melody", re.IGNORECASE)
_FLAG = re.compile(r"(?:^|\s)--?(?:port|p)[= ](\d{2,5})\b")


def find(tree: Tree, services: list[Candidate], leaves: Iterable[Leaf]) -> Iterator[Candidate]:
    """One candidate for each folder in which no other service runs."""
    taken = {one.folder for one in services}
    for leaf in leaves:
        started = _start(leaf)
        if started is None or leaf.folder in taken or not leaf.folder.is_relative_to(tree.root):
            continue
        text = shlex.join(leaf.words)
        if shell_words.outline(text) != text:
            continue  # it holds a secret, which is not written a second time
        taken.add(leaf.folder)
        lists, port = started
        flag = _FLAG.search(text)
        candidate = Candidate(
            name=leaf.folder.name if leaf.folder != tree.root else "server",
            kind=ServiceType.COMMAND,
            folder=leaf.folder,
            command=" ".join((*leaf.shown, text)),
            port=int(flag[1]) if flag else _listens(tree, leaf.folder) or port,
            evidence=[leaf.evidence],
        )
        candidate.is_socket = _SOCKETS.search(tree.text(lists)) is not None
        yield candidate


def _start(leaf: Leaf) -> tuple[Path, int | None] | None:
    """The file that lists what the program needs, and its usual port."""
    for words, name, port in _STARTS:
        if leaf.words[: len(words)] == words:
            return next(((path, port) for path in sorted(leaf.folder.glob(name))), None)
    return None


def _listens(tree: Tree, folder: Path) -> int | None:
    for path in tree.below(folder, _SUFFIXES):
        found = _LISTENS.search(tree.text(path))
        if found is not None:
            return int(next(group for group in found.groups() if group))
    return None
