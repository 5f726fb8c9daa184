"""What a Python file starts: an application that a server must run, a program that listens itself, an agent."""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path

from devstack.records import dataclass
from devstack.stack.detect.tree import Tree, line_of
from devstack.stack.model import ServiceType

_AGENT = re.compile(r"^\s*(?:from|import)\s+livekit\.agents|^\s*from\s+livekit\s+import\s+.*\bagents\b", re.M)
_RUNS_AGENT = re.compile(r"\brun_app\(|\bWorkerOptions\(|\bAgentServer\(")
_PIPECAT = re.compile(r"^\s*from\s+pipecat\.runner\.run\s+import\s+.*\bmain\b", re.MULTILINE)
_APP = re.compile(
    r"^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?(?:FastAPI|Starlette|Litestar|Quart|Sanic)\(", re.MULTILINE
)
_WRAPPED = re.compile(r"^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?ASGIApp\(", re.MULTILINE)
_MADE = re.compile(
    r"^(\w+)\s*(?::[^=\n]+)?=\s*(?:create|get|make|build|init|setup)_(?!asgi_|wsgi_)(?:\w+_)?(?:app|application|api)\(",
    re.MULTILINE,
)
_FACTORY = re.compile(
    r"^def ((?:create|get|make|build)_(?:app|application|api|server|fastapi|fastapi_app|asgi_app))\([^)]*\)"
    r"(?:\s*->\s*[\w.]+)?:\n(?:(?!def |class |\S).*\n)*?[ \t]+(?:return\s+|\w+\s*(?::[^=\n]+)?=\s*)"
    r"(?:FastAPI|Starlette|Litestar|Quart)\(",
    re.MULTILINE,
)
_APPLICATIONS = (
    "FastAPI(",
    "Starlette(",
    "Litestar(",
    "Quart(",
    "Sanic(",
    "Flask(",
    "ASGIApp(",
    "app(",
    "application(",
    "api(",
    "uvicorn.",
    "server(",
)
_FLASK = re.compile(r"^(\w+)\s*=\s*Flask\(", re.MULTILINE)
_GRADIO = re.compile(r"^\s*(?:import|from)\s+gradio\b", re.MULTILINE)
_SOCKETS = re.compile(r"^\s*(?:from|import)\s+websockets\b", re.MULTILINE)
_SERVES = re.compile(
    r"\bwebsockets\.serve\(|(?<!def )(?<![.\w])serve\(|\bweb\.run_app\(|\bIOLoop\.(?:current|instance)\(\)\.start\("
)
_LAUNCHES = re.compile(r"\.launch\(")
_DJANGO = re.compile(r"^\s*(?:import|from)\s+django\b|DJANGO_SETTINGS_MODULE", re.MULTILINE)
_LOADS = re.compile(r"^\s*load_dotenv\(", re.MULTILINE)
_RUNS_ITSELF = re.compile(r"""__name__\s*==\s*['"]__main__['"]""")
_RUNS_SERVER = re.compile(r"\buvicorn\.(?:run|Config)\(|\bapp\.run\(|\bweb\.run_app\(|\brun_app\(")
_STAYS = re.compile(r"\bwhile\s+True\b|\brun_forever\(|\bstart_polling\(|\bserve_forever\(|\.run_until_")
_FOR_PEOPLE = re.compile(
    r"\bArgumentParser\(|^\s*(?:import|from)\s+(?:click|typer|fire)\b|\binput\(", re.MULTILINE
)
BOT = "Pipecat bot"
WORKER = "worker"
"""The role of what takes its work from a queue."""
ORDER = (
    "server",
    "main",
    "app",
    "asgi",
    "ws",
    "websocket",
    "api",
    "run",
    "agent",
    "bot",
    "worker",
    "__main__",
)
_WORKERS = ("server", "ws", "websocket", "agent", "bot", "worker")


class Certainty(IntEnum):
    """How likely a file is the one to start, of several in one project; the least is the best."""

    PLAIN = 0
    FACTORY = 1
    WEAK = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A file that starts something.

    Attributes:
        app: the ASGI or WSGI application that a server must run; None where the file runs itself.
        is_factory: `app` is a function that makes it.
        port: where it listens unless told otherwise; None where that is not known.
        command: of a program that runs the file, with `{file}`, `{module}` and `{port}`; "" where that is Python.
        role: what it is for its project, beside other programs of the same kind.
    """

    path: Path
    kind: ServiceType
    line: int
    what: str
    app: str | None = None
    is_flask: bool = False
    is_factory: bool = False
    is_socket: bool = False
    port: int | None = None
    certainty: Certainty = Certainty.PLAIN
    command: str = ""
    role: str = ""

    @property
    def rank(self) -> tuple[Certainty, int, int, str]:
        """The best one of a project comes first."""
        place = ORDER.index(self.path.stem) if self.path.stem in ORDER else len(ORDER)
        return self.certainty, len(self.path.parts), place, self.path.name


def program(tree: Tree, path: Path) -> Program | None:
    """What `path` starts; None for modules, tools and one-off scripts."""
    if "scripts" in path.relative_to(tree.root).parts:
        return None
    text = tree.text(path)
    for known in (_agent, _django, _hosted, _application, _sockets, _weak):
        found = known(tree, path, text)
        if found is not None:
            return found
    return None


def runs_itself(tree: Tree, path: Path) -> bool:
    """Whether `python path` does something."""
    return _RUNS_ITSELF.search(tree.text(path)) is not None


def _agent(tree: Tree, path: Path, text: str) -> Program | None:
    agent = _AGENT.search(text) if "livekit" in text else None
    if agent and _RUNS_AGENT.search(text):
        line = line_of(text, agent.start())
        return Program(path=path, kind=ServiceType.LIVEKIT_AGENT, line=line, what="LiveKit agent")
    bot = _PIPECAT.search(text) if "pipecat" in text else None
    if bot is None or not runs_itself(tree, path):
        return None
    line = line_of(text, bot.start())
    return Program(path=path, kind=ServiceType.PYTHON, line=line, what=BOT, port=7860)


def is_django(tree: Tree, folder: Path) -> bool:
    """Whether the folder holds the program that manages a Django project."""
    return _DJANGO.search(tree.text(folder / "manage.py")) is not None


def _django(tree: Tree, path: Path, _: str) -> Program | None:
    if path.name != "manage.py" or not is_django(tree, path.parent):
        return None
    return Program(path=path, kind=ServiceType.PYTHON, line=1, what="Django project")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Host:
    """A program that runs Python files which hold `sign`; of those only files with one of these `names`."""

    sign: re.Pattern[str]
    what: str
    command: str
    port: int | None = None
    names: tuple[str, ...] = ()
    role: str = ""


_HOSTS = (
    _Host(
        sign=re.compile(r"^@(?:cl|chainlit)\.(?:on_message|on_chat_start|on_audio_chunk)\b", re.M),
        what="Chainlit application",
        command="chainlit run {file} --headless --port {port}",
        port=8000,
        role="pages",
    ),
    _Host(
        sign=re.compile(r"^\s*(?:import|from)\s+streamlit\b", re.M),
        what="Streamlit application",
        command="streamlit run {file} --server.headless true --server.port {port}",
        port=8501,
        names=("app", "main", "streamlit_app", "home", "ui", "frontend", "dashboard"),
        role="pages",
    ),
    _Host(
        sign=re.compile(r"^\w+\s*(?::[^=\n]+)?=\s*(?:celery\.)?Celery\(", re.M),
        what="Celery worker",
        command="celery -A {module} worker --loglevel info",
        role=WORKER,
    ),
    _Host(
        sign=re.compile(r"^class WorkerSettings\b", re.M),
        what="arq worker",
        command="arq {module}.WorkerSettings",
        role=WORKER,
    ),
)


def _hosted(tree: Tree, path: Path, text: str) -> Program | None:
    for host in _HOSTS:
        sign = host.sign.search(text)
        if sign is None or (host.names and path.stem.lower() not in host.names):
            continue
        return Program(
            path=path,
            kind=ServiceType.PYTHON,
            line=line_of(text, sign.start()),
            what=host.what,
            port=host.port,
            command=host.command,
            role=host.role,
        )
    return None


def _application(tree: Tree, path: Path, text: str) -> Program | None:
    if not any(word in text for word in _APPLICATIONS):
        return None
    is_main = path.name == "__main__.py" or runs_itself(tree, path)
    runs = _RUNS_SERVER.search(text) if is_main else None
    wrapped = _WRAPPED.search(text)
    app = wrapped or _APP.search(text) or _MADE.search(text)
    flask = _FLASK.search(text)
    factory = _FACTORY.search(text)
    what, found = next(
        ((what, one) for what, one in (("ASGI", app), ("Flask", flask), ("ASGI", factory)) if one), ("", None)
    )
    if found is not None:
        is_flask = found is flask or (
            found is app and "flask" in text.lower() and "fastapi" not in text.lower()
        )
        return Program(
            path=path,
            kind=ServiceType.PYTHON,
            line=line_of(text, found.start()),
            what="Flask application" if is_flask else f"{what} application",
            app=None if runs and not is_flask else found[1],
            is_flask=is_flask,
            is_factory=found is factory,
            is_socket=wrapped is not None,
            certainty=Certainty.FACTORY if found is factory and not runs else Certainty.PLAIN,
        )
    if runs is None:
        return None
    return Program(path=path, kind=ServiceType.PYTHON, line=line_of(text, runs.start()), what="runs a server")


def _sockets(tree: Tree, path: Path, text: str) -> Program | None:
    if _GRADIO.search(text) and (launches := _LAUNCHES.search(text)) is not None:
        line = line_of(text, launches.start())
        return Program(
            path=path,
            kind=ServiceType.PYTHON,
            line=line,
            what="Gradio pages",
            port=7860,
            certainty=Certainty.FACTORY,
        )
    has_library = any(name in text for name in ("aiohttp", "tornado")) or _SOCKETS.search(text)
    serves = _SERVES.search(text) if has_library else None
    if serves is None:
        return None
    line = line_of(text, serves.start())
    return Program(path=path, kind=ServiceType.PYTHON, line=line, what="serves sockets")


def _weak(tree: Tree, path: Path, text: str) -> Program | None:
    """A worker that only its name or a loop gives away, and that loads an env file as services do."""
    loads = _LOADS.search(text)
    if loads is None or _FOR_PEOPLE.search(text):
        return None
    stays = _STAYS.search(text) is not None and runs_itself(tree, path)
    if not stays and path.stem not in _WORKERS:
        return None
    line = line_of(text, loads.start())
    return Program(
        path=path, kind=ServiceType.PYTHON, line=line, what="loads an env file", certainty=Certainty.WEAK
    )
