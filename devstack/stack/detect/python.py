"""Services written in Python: WebSocket and HTTP servers, LiveKit agents."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from devstack.records import dataclass
from devstack.stack import package, scripts, shell_words
from devstack.stack.detect import parallel
from devstack.stack.detect.model import Candidate, Evidence
from devstack.stack.detect.tree import Tree, line_of
from devstack.stack.model import ServiceType

_AGENT = re.compile(r"^\s*(?:from|import)\s+livekit\.agents|^\s*from\s+livekit\s+import\s+.*\bagents\b", re.M)
_APP = re.compile(r"^(\w+)\s*(?::[^=]+)?=\s*(?:FastAPI|Starlette|Litestar|Quart|Sanic)\(", re.MULTILINE)
_FLASK = re.compile(r"^(\w+)\s*=\s*Flask\(", re.MULTILINE)
_WEBSOCKETS = re.compile(r"^\s*(?:from|import)\s+websockets\b", re.MULTILINE)
_SERVES = re.compile(r"\bwebsockets\.serve\(|(?<!def )(?<![.\w])serve\(|\bweb\.run_app\(")
_LOADS = re.compile(r"^\s*load_dotenv\(", re.MULTILINE)
_RUNS_ITSELF = re.compile(r"""__name__\s*==\s*['"]__main__['"]""")
_UVICORN = re.compile(r"\buvicorn\.(?:run|Config)\(|\bapp\.run\(|\bweb\.run_app\(|\brun_app\(")
_ROUTE = re.compile(r"""\.websocket\(\s*['"](/[^'"{]*)|WebSocketRoute\(\s*['"](/[^'"{]*)""")
_PORT = re.compile(
    r"""\bport\s*=\s*(\d{4,5})\b|PORT\w*['"]\s*,\s*['"]?(\d{4,5})\b|\bserve\([^)\n]*,\s*(\d{4,5})\b"""
    r"""|\bPORT\s*=\s*(?:int\()?['"]?(\d{4,5})\b|PORT\w*['"]\)\s*or\s*['"]?(\d{4,5})\b"""
)
_ORDER = ("server", "main", "app", "ws", "websocket", "api", "run", "agent", "worker")


@dataclass(frozen=True, slots=True)
class _Program:
    """A file that starts something: `app` names an ASGI application that uvicorn must serve."""

    path: Path
    kind: ServiceType
    line: int
    what: str
    app: str | None = None
    is_flask: bool = False


def find(tree: Tree) -> Iterator[Candidate]:
    """At most one server and one agent per folder; the best-named file of each stands for the others."""
    taken: set[tuple[Path, ServiceType]] = set()
    files = [path for path in tree.files if path.suffix == ".py" and not path.name.startswith("test_")]
    for path in sorted(files, key=_rank):
        program = _program(tree, path)
        if program is None:
            continue
        folder = _project(tree, path.parent)
        if (folder, program.kind) not in taken:
            taken.add((folder, program.kind))
            yield _candidate(tree, folder, program)


def join_scripts(tree: Tree, services: list[Candidate]) -> None:
    """What a package's script starts beside its pages runs from the package's folder, with the script's command."""
    for path in tree.named("package.json"):
        own = package.read(path.parent)
        for part in parallel.parts(own, "npm") if own is not None else ():
            inner = scripts.behind(shell_words.read(part.command).words or (), own)
            words = shell_words.read(part.command if inner is None else inner.text).words or ()
            entry = _started(path.parent, words)
            known = next(
                (one for one in services if entry and one.evidence[0].path == tree.shown(entry)), None
            )
            if entry is None or known is None:
                continue
            known.folder, known.name = path.parent, part.name or known.name
            known.source = entry if entry.parent == path.parent else entry.parent
            known.setup = known.setup or setup(tree, path.parent)
            program_name = re.sub(r"^python[0-9.]*$", "python", words[0])
            runner = (
                _runner(tree, path.parent)
                if program_name == "python"
                else program(tree, path.parent, words[0])
            )
            known.command = " ".join((runner, shlex.join(words[1:])))
            port = re.search(r"--port[= ](\d{2,5})\b", known.command)
            known.port = int(port[1]) if port else known.port or known.default_port
            known.default_port = None


def _started(folder: Path, words: tuple[str, ...]) -> Path | None:
    """The file of `python -m uvicorn api.main:app`, `python api/main.py`."""
    if not words or not re.fullmatch(r"python[0-9.]*|uvicorn|flask|fastapi", words[0]):
        return None
    for word in words[1:]:
        module = folder / f"{word.partition(':')[0].replace('.', '/')}.py"
        for path in (folder / word, module):
            if path.suffix == ".py" and path.is_file():
                return path
    return None


def _rank(path: Path) -> tuple[int, int, str]:
    place = _ORDER.index(path.stem) if path.stem in _ORDER else len(_ORDER)
    return len(path.parts), place, path.name


def _program(tree: Tree, path: Path) -> _Program | None:
    text = tree.text(path)
    runs_itself = _RUNS_ITSELF.search(text) is not None
    agent = _AGENT.search(text)
    if agent and re.search(r"\brun_app\(|\bWorkerOptions\(|\bAgentServer\(", text):
        return _Program(path, ServiceType.LIVEKIT_AGENT, line_of(text, agent.start()), "LiveKit agent")
    if path.name == "manage.py" and "django" in text.lower():
        return _Program(path, ServiceType.PYTHON, 1, "Django project")
    app = _APP.search(text)
    if app:
        itself = runs_itself and _UVICORN.search(text) is not None
        name = None if itself else app[1]
        return _Program(path, ServiceType.PYTHON, line_of(text, app.start()), "ASGI application", name)
    flask = _FLASK.search(text)
    if flask:
        return _Program(
            path, ServiceType.PYTHON, line_of(text, flask.start()), "Flask application", flask[1], True
        )
    sockets = _WEBSOCKETS.search(text)
    serves = _SERVES.search(text)
    if serves and (sockets or "aiohttp" in text):
        return _Program(path, ServiceType.PYTHON, line_of(text, serves.start()), "serves sockets")
    loads = _LOADS.search(text)
    is_script = "scripts" in path.relative_to(tree.root).parts
    if loads and not is_script and (runs_itself or path.stem in _ORDER):
        return _Program(path, ServiceType.PYTHON, line_of(text, loads.start()), "loads an env file")
    return None


def _project(tree: Tree, folder: Path) -> Path:
    """The folder to run in: the nearest one upward with project files; else the file's own."""
    if (folder / "manage.py").is_file():
        return folder
    marks = ("pyproject.toml", "requirements.txt", "uv.lock", "poetry.lock", ".env", ".env.example")
    here = folder
    while here != tree.root:
        if any((here / mark).is_file() for mark in marks):
            return here
        here = here.parent
    return folder if not any((here / mark).is_file() for mark in marks[:2]) else _package_root(tree, folder)


def _package_root(tree: Tree, folder: Path) -> Path:
    """Below a root project: a package's parent, else the folder itself."""
    return tree.root if (folder / "__init__.py").is_file() or folder == tree.root else folder


def _candidate(tree: Tree, folder: Path, program: _Program) -> Candidate:
    text = tree.text(program.path)
    name = folder.name if folder != tree.root else program.path.stem
    candidate = Candidate(name=name, kind=program.kind, folder=folder)
    candidate.evidence.append(Evidence(path=tree.shown(program.path), line=program.line, what=program.what))
    if program.kind is ServiceType.PYTHON:
        _port(tree, candidate, program, text)
    candidate.command = _command(tree, candidate, program)
    candidate.setup = setup(tree, folder)
    route = _ROUTE.search(text)
    if route or _WEBSOCKETS.search(text) or "@app.websocket" in text:
        candidate.is_socket = candidate.kind is ServiceType.PYTHON
        candidate.socket_path = (route[1] or route[2]) if route else None
    return candidate


def _port(tree: Tree, candidate: Candidate, program: _Program, text: str) -> None:
    match = _PORT.search(text)
    if match is not None:
        candidate.port = int(next(group for group in match.groups() if group))
        line = line_of(text, match.start())
        shown = tree.shown(program.path)
        candidate.evidence.append(Evidence(path=shown, line=line, what=f"port {candidate.port}"))


def _command(tree: Tree, candidate: Candidate, program: _Program) -> str:
    runner = _runner(tree, candidate.folder)
    relative = program.path.relative_to(candidate.folder)
    if program.kind is ServiceType.LIVEKIT_AGENT:
        return f"{runner} {relative.as_posix()} dev"
    if relative.name == "manage.py":
        candidate.default_port = candidate.port or 8000
        return f"{runner} manage.py runserver {candidate.default_port}"
    if program.app is None:
        return f"{runner} {_entry(tree, candidate.folder, relative).as_posix()}"
    module = ".".join(relative.with_suffix("").parts)
    candidate.default_port = candidate.port or (5000 if program.is_flask else 8000)
    if program.is_flask:
        return f"{runner} -m flask --app {module} run --port {candidate.default_port}"
    return f"{runner} -m uvicorn {module}:{program.app} --port {candidate.default_port}"


def _entry(tree: Tree, folder: Path, found: Path) -> Path:
    """The script to run: what was found, or the folder's entry file where that is only a module of it."""
    if _RUNS_ITSELF.search(tree.text(folder / found)):
        return found
    names = [Path(f"{stem}.py") for stem in _ORDER]
    return next((name for name in names if _RUNS_ITSELF.search(tree.text(folder / name))), found)


def _runner(tree: Tree, folder: Path) -> str:
    for place, prefix in tree.upward(folder):
        if (place / "uv.lock").is_file():
            return "uv run python"
        if (place / "poetry.lock").is_file():
            return "poetry run python"
        for name in (".venv", "venv"):
            if (place / name).is_dir():
                return f"{prefix}{name}/bin/python"
    return ".venv/bin/python" if (folder / "requirements.txt").is_file() else "python3"


def program(tree: Tree, folder: Path, name: str) -> str:
    """A package's own command, from where the folder's packages are installed."""
    runner = _runner(tree, folder)
    return runner.removesuffix("python") + name if runner.endswith((" python", "/python")) else name


def setup(tree: Tree, folder: Path) -> tuple[str, tuple[str, ...], tuple[str, ...]] | None:
    """How a folder's Python packages are installed; None where nothing says which."""
    for place, prefix in tree.upward(folder):
        if (place / "uv.lock").is_file():
            return "uv sync", (f"{prefix}uv.lock",), (f"{prefix}.venv",)
    if (folder / "requirements.txt").is_file() and not (folder / "venv").is_dir():
        install = "python3 -m venv .venv && .venv/bin/python -m pip install -r requirements.txt"
        return install, ("requirements.txt",), (".venv",)
    return None
