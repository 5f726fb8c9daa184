"""Services written in Python: WebSocket and HTTP servers, LiveKit agents, workers."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from devstack.stack import scripts, shell_words
from devstack.stack.detect import django, entries, interpreters, modules
from devstack.stack.detect.entries import Certainty, Program
from devstack.stack.detect.follow import STARTED, Leaf
from devstack.stack.detect.model import Candidate, Evidence
from devstack.stack.detect.tree import TEST_FILE, Tree, line_of
from devstack.stack.model import ServiceType

_SOCKETS = re.compile(r"^\s*(?:from|import)\s+websockets\b", re.MULTILINE)
_ROUTE = re.compile(r"""\.websocket\(\s*['"](/[^'"{]*)|WebSocketRoute\(\s*['"](/[^'"{]*)""")
_PORT = re.compile(
    r"""\bport\s*=\s*(\d{4,5})\b|PORT\w*['"]\s*,\s*['"]?(\d{4,5})\b|\bserve\([^)\n]*,\s*(\d{4,5})\b"""
    r"""|\bPORT\s*=\s*(?:int\()?['"]?(\d{4,5})\b|PORT\w*['"]\)\s*or\s*['"]?(\d{4,5})\b"""
    r"""|['"]--port['"][^)\n]*?\bdefault\s*=\s*(?:int\()?(\d{4,5})\b|\bserver_port\s*=\s*(\d{4,5})\b|\.listen\(\s*(\d{4,5})\b"""
)
_SETTING = re.compile(
    r"^\s+(?:server_|app_|api_|backend_)?port\s*:\s*int\s*=\s*(?:Field\(\s*(?:default=)?)?"
    r"(?!5432|3306|6379|27017|5672|9092)(\d{4,5})\b",  # those of databases and queues
    re.M | re.I,
)
_PORT_FLAG = re.compile(r"(?:^|\s)(?:--(?:server\.)?port|-p)[= ](\d{2,5})\b")
# Programs that run an application of the file they are given, and where they listen unless told otherwise.
_SERVERS = {
    **dict.fromkeys(("uvicorn", "hypercorn", "daphne", "fastapi", "sanic", "langgraph"), 8000),
    **dict.fromkeys(("flask", "quart"), 5000),
}
_PAGES = {"chainlit": 8000, "streamlit": 8501}
_WORKERS = {"celery": None, "arq": None}
_RUNNERS: dict[str, int | None] = {**_SERVERS, **_PAGES, **_WORKERS}
_LIBRARIES = {"src", "py", "python", "app", "lib", "apps", "packages", "services"}
_NO_PROGRAM = re.compile(r"(?:^|_)(?:mock|dummy|fake|example|demo)(?:_|$)")


def find(tree: Tree) -> Iterator[Candidate]:
    """At most one of each kind and role per project; its best-named file stands for the others."""
    taken: set[tuple[Path, ServiceType, str]] = set()
    for program in sorted(_programs(tree), key=lambda one: one.rank):
        folder = _project(tree, program.path.parent)
        key = (folder, program.kind, program.role)
        if key not in taken:
            taken.add(key)
            yield _candidate(tree, folder, program)


def _programs(tree: Tree) -> list[Program]:
    """All of them, without applications that another one imports and runs."""
    files = [path for path in tree.files if path.suffix == ".py" and not TEST_FILE.search(tree.shown(path))]
    found = [
        one
        for path in files
        if not _NO_PROGRAM.search(path.stem) and (one := entries.program(tree, path)) is not None
    ]
    users: dict[Path, Program] = {}
    left: set[Path] = set()
    for one in sorted(found, key=lambda one: one.rank):
        if one.certainty is Certainty.WEAK or one.role == entries.WORKER:
            continue
        folders = (tree.root, _project(tree, one.path.parent), one.path.parent)
        uses = {other.path for other in found} & modules.imported(tree, one.path, folders) - {one.path}
        left |= uses
        if one.app is None and any(users.setdefault(path, one) is not one for path in uses):
            left.add(one.path)  # another way to start the same application
    return [one for one in found if one.path not in left or one.role == entries.WORKER]


def join(tree: Tree, services: list[Candidate], leaves: Iterable[Leaf], *, may_add: bool) -> None:
    """Start each service as the repository itself says, from the folder and with the arguments that it says.

    `may_add`: a server that nothing in its source gives away is a service, too.
    """
    for leaf in leaves:
        words = scripts.tool(leaf.words)
        entry = _started(leaf.folder, words)
        if entry is None or not entry.is_relative_to(tree.root):
            continue
        known = _known(tree, services, entry, may_replace=words[0] in _SERVERS or may_add)
        is_told = may_add and (words[0] in _RUNNERS or leaf.is_beside)
        if known is None and (is_told or words[0] in _PAGES):
            known = Candidate(
                name=_name(tree, leaf.folder, entry), kind=ServiceType.PYTHON, folder=leaf.folder
            )
            services.append(known)
        is_started = known is not None and any(one.what.startswith(STARTED) for one in known.evidence)
        if known is not None and not is_started and known.kind is not ServiceType.LIVEKIT_AGENT:
            _start(tree, known, leaf, entry)


def widen(services: list[Candidate]) -> None:
    """A service alone in its folder has all of it as its source, and so have servers and their workers."""
    for one in services:
        others = [other for other in services if one is not other and one.folder == other.folder]
        is_alone = one.is_worker or all(other.is_worker for other in others)
        if one.kind in (ServiceType.PYTHON, ServiceType.LIVEKIT_AGENT) and is_alone:
            one.source = None


def _known(tree: Tree, services: list[Candidate], entry: Path, *, may_replace: bool) -> Candidate | None:
    """The service of this file; else the only one of its project, which the file then stands for."""
    python = [
        one
        for one in services
        if one.kind in (ServiceType.PYTHON, ServiceType.LIVEKIT_AGENT) and one.evidence
    ]
    same = [one for one in python if one.evidence[0].path == tree.shown(entry)]
    if same or not may_replace:
        return same[0] if same else None
    project = _project(tree, entry.parent)
    near = [one for one in python if one.kind is ServiceType.PYTHON and one.project == project]
    return near[0] if len(near) == 1 else None


def _start(tree: Tree, service: Candidate, leaf: Leaf, entry: Path) -> None:
    words = scripts.tool(leaf.words)
    arguments = shlex.join(word for word in words[1:] if "$" not in word)
    if shell_words.outline(arguments) != arguments:
        return  # it holds a secret, which is not written a second time
    interpreter = interpreters.of(tree, leaf.folder, entry)
    is_python = re.fullmatch(r"python[0-9.]*", words[0]) is not None
    is_moved = leaf.folder != service.folder
    if is_moved or entry.parent == leaf.folder:
        service.source = _own(leaf.folder, entry)
    service.folder = leaf.folder
    service.name = leaf.name if leaf.is_beside and leaf.name and leaf.script else service.name
    runner = interpreter.python if is_python else f"{interpreter.run}{words[0]}"
    service.command = " ".join((*leaf.shown, runner, arguments))
    service.setup = interpreter.setup or (None if is_moved else service.setup)
    service.evidence.append(leaf.evidence)
    default = _RUNNERS.get(words[0])
    service.port = port_flag(service.command) or service.port or service.default_port or default
    service.default_port = None


def port_flag(command: str) -> int | None:
    """The port that a command line itself says."""
    found = _PORT_FLAG.search(command)
    return None if found is None else int(found[1])


def _own(folder: Path, entry: Path) -> Path:
    return entry if entry.parent == folder else folder / entry.relative_to(folder).parts[0]


def _started(folder: Path, words: tuple[str, ...]) -> Path | None:
    """The file of `python -m uvicorn api.main:app`, `python api/main.py`, `uvicorn --app-dir src api:app`."""
    if not words or not (words[0] in _RUNNERS or re.fullmatch(r"python[0-9.]*", words[0])):
        return None
    given = [word for before, word in pairwise(words) if before not in ("-A", "--app")]
    if words[0] == "celery" and "worker" not in given:
        return None
    inside = next((words[index + 1] for index, word in enumerate(words[:-1]) if word == "--app-dir"), ".")
    for word in words[1:]:
        name = word.partition(":")[0].replace(".", "/")
        if not name.strip("/"):
            continue  # `.` names a folder
        module = folder / inside / name
        for path in (folder / word, module.with_suffix(".py"), module / "__main__.py"):
            if path.suffix == ".py" and path.is_file():
                return path
    return None


def _name(tree: Tree, folder: Path, entry: Path) -> str:
    is_plain = folder == tree.root or folder.name in _LIBRARIES
    parts = entry.relative_to(folder).parts[:-1] if is_plain else ()
    return next((part for part in parts if part not in _LIBRARIES), folder.name)


def _project(tree: Tree, folder: Path) -> Path:
    """The folder to run in: the nearest one upward with project files; else the file's own."""
    if (folder / "manage.py").is_file():
        return folder
    marks = (
        "pyproject.toml",
        "requirements.txt",
        "uv.lock",
        "poetry.lock",
        "Pipfile",
        ".env",
        ".env.example",
    )
    here = folder
    while here != tree.root:
        if any((here / mark).is_file() for mark in marks):
            return here
        here = here.parent
    return folder if not any((here / mark).is_file() for mark in marks[:2]) else _package_root(tree, folder)


def _package_root(tree: Tree, folder: Path) -> Path:
    """Below a root project: a package's parent, else the folder itself."""
    return tree.root if (folder / "__init__.py").is_file() or folder == tree.root else folder


def _candidate(tree: Tree, project: Path, program: Program) -> Candidate:
    text = tree.text(program.path)
    top = modules.top(tree, program.path, project) if program.path.name != "manage.py" else project
    is_kept = interpreters.of(tree, project).setup is not None and interpreters.of(tree, top).setup is None
    folder = top if project.is_relative_to(top) and not is_kept else project
    candidate = Candidate(
        name=_name(tree, folder, program.path), kind=program.kind, folder=folder, project=project
    )
    candidate.evidence.append(Evidence(path=tree.shown(program.path), line=program.line, what=program.what))
    candidate.is_worker = program.role == entries.WORKER
    if candidate.is_worker or (program.what == entries.BOT and folder == tree.root):
        candidate.name = program.role or "bot"
    if folder != project or folder == tree.root:
        candidate.source = _own(folder, program.path)
    if program.kind is ServiceType.PYTHON:
        _port(tree, candidate, program, text)
    candidate.command = _command(tree, candidate, program, top)
    candidate.setup = interpreters.of(tree, folder).setup
    route = _ROUTE.search(text)
    if program.is_socket or route or _SOCKETS.search(text) or "@app.websocket" in text:
        candidate.is_socket = candidate.kind is ServiceType.PYTHON and not candidate.is_worker
        candidate.socket_path = (route[1] or route[2]) if route else None
        candidate.protocol = "socket.io" if program.is_socket and "socketio" in text else "ws"
    return candidate


def _port(tree: Tree, candidate: Candidate, program: Program, text: str) -> None:
    settings = [
        path for path in tree.below(candidate.folder, (".py",)) if path.stem in ("settings", "config")
    ]
    found = [(program.path, text, _PORT), *((path, tree.text(path), _SETTING) for path in settings)]
    for path, content, pattern in found:
        match = pattern.search(content)
        if match is not None:
            candidate.port = int(next(group for group in match.groups() if group))
            line = line_of(content, match.start())
            candidate.evidence.append(
                Evidence(path=tree.shown(path), line=line, what=f"port {candidate.port}")
            )
            return
    candidate.port = program.port


def _command(tree: Tree, candidate: Candidate, program: Program, top: Path) -> str:
    python = interpreters.of(tree, candidate.folder).python
    relative = program.path.relative_to(candidate.folder)
    if program.kind is ServiceType.LIVEKIT_AGENT:
        return f"{python} {relative.as_posix()} dev"
    if program.command:
        candidate.default_port = program.port
        return interpreters.of(tree, candidate.folder).run + program.command.format(
            file=relative.as_posix(), module=modules.dotted(program.path.relative_to(top)), port=program.port
        )
    if relative.name == "manage.py":
        return f"{python} {_managed(tree, candidate)}"
    module = modules.dotted(program.path.relative_to(top))
    if program.app is None:
        if not top.is_relative_to(candidate.folder):
            return f"PYTHONPATH={os.path.relpath(top, candidate.folder)} {python} {relative.as_posix()}"
        is_module = relative.name == "__main__.py" or (top == candidate.folder and len(relative.parts) > 1)
        entry = _entry(tree, candidate.folder, relative)
        return f"{python} -m {module}" if is_module and entry == relative else f"{python} {entry.as_posix()}"
    candidate.default_port = candidate.port or (5000 if program.is_flask else 8000)
    if program.is_flask:
        return f"{python} -m flask --app {module} run --port {candidate.default_port}"
    inside = "" if top == candidate.folder else f" --app-dir {os.path.relpath(top, candidate.folder)}"
    factory = " --factory" if program.is_factory else ""
    return f"{python} -m uvicorn{inside} {module}:{program.app}{factory} --port {candidate.default_port}"


def _managed(tree: Tree, candidate: Candidate) -> str:
    """What Python runs of a Django project."""
    candidate.default_port = candidate.port or 8000
    found = django.channels(tree, candidate.folder)
    if found is not None:
        candidate.is_socket, candidate.socket_path = True, found.path
    own = "" if found is None else found.command
    return f"-m {own} {candidate.default_port}" if own else f"manage.py runserver {candidate.default_port}"


def _entry(tree: Tree, folder: Path, found: Path) -> Path:
    """The script to run: what was found, or the folder's entry file where that is only a module of it."""
    if entries.runs_itself(tree, folder / found) or found.name == "__main__.py":
        return found
    names = [Path(f"{stem}.py") for stem in entries.ORDER]
    return next((name for name in names if entries.runs_itself(tree, folder / name)), found)
