"""Programs of JavaScript frameworks that serve during development, and where they listen unless told otherwise."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from devstack.records import dataclass
from devstack.stack import scripts
from devstack.stack.detect import langgraph
from devstack.stack.detect.model import Candidate, Evidence
from devstack.stack.detect.tree import Tree, line_of
from devstack.stack.model import ServiceType


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a framework's own program serves.

    Attributes:
        port: where it listens unless its command line or `configs` say otherwise; None: it listens nowhere.
        flag: what its command line calls the port; "" where it cannot be told there.
        variable: that it takes the port from.
        configs: files that may name the port.
        has_pages: it serves what people look at.
        is_socket: clients speak WebSocket with it.
        files: env files that it reads in place of `.env` where they are there.
    """

    kind: ServiceType = ServiceType.NODE
    port: int | None = 3000
    flag: str = "--port"
    variable: str = ""
    configs: tuple[str, ...] = ()
    health: str | None = None
    has_pages: bool = False
    is_socket: bool = False
    files: tuple[str, ...] = ()


_SUFFIXES = ("ts", "js", "mts", "mjs")
_ON_VITE = Server(kind=ServiceType.VITE, port=5173)
_AGENT = Server(port=langgraph.PORT, health=langgraph.HEALTH)
_REACT = Server(flag="", variable="PORT", has_pages=True)
_NUXT = Server(configs=tuple(f"nuxt.config.{one}" for one in _SUFFIXES), has_pages=True)
_PARTY = Server(port=1999, configs=("partykit.json",), is_socket=True)
_WORKERS = Server(
    port=8787, configs=("wrangler.toml", "wrangler.jsonc", "wrangler.json"), files=(".dev.vars",)
)
SERVERS = {
    ("react-router", "dev"): _ON_VITE,
    ("remix", "vite:dev"): _ON_VITE,  # both read Vite's configuration and its env files
    ("astro", "dev"): Server(
        kind=ServiceType.VITE, port=4321, configs=tuple(f"astro.config.{one}" for one in _SUFFIXES)
    ),
    ("nuxt", "dev"): _NUXT,
    ("nuxi", "dev"): _NUXT,
    ("vinxi", "dev"): Server(has_pages=True),
    ("react-scripts", "start"): _REACT,
    ("craco", "start"): _REACT,
    ("react-app-rewired", "start"): _REACT,
    ("vue-cli-service", "serve"): Server(port=8080, has_pages=True),
    ("ng", "serve"): Server(port=4200, has_pages=True),
    ("gatsby", "develop"): Server(port=8000, has_pages=True),
    ("expo", "start"): Server(port=8081, has_pages=True),
    ("mastra", "dev"): Server(port=4111, flag="", variable="PORT", configs=("src/mastra/index.ts",)),
    ("partykit", "dev"): _PARTY,
    ("wrangler", "dev"): _WORKERS,
    **{(name, "dev"): _AGENT for name in langgraph.JAVASCRIPT},
}
_PORT = re.compile(r"""["']?\bport["']?\s*[:=]\s*(\d{2,5})\b""")


def of(words: tuple[str, ...]) -> Server | None:
    """What a command serves; `words`: without runners."""
    program = words[:1]
    after = [word for word in words[1:] if not word.startswith("-")]
    return SERVERS.get((program[0], after[0])) if program and after else None


def in_script(text: str) -> Server | None:
    """What the first of a script's commands serves that does."""
    return next((found for words in _commands(text) if (found := of(words)) is not None), None)


def _commands(text: str) -> Iterator[tuple[str, ...]]:
    for segment in re.split(r"&&|;", text):
        try:
            yield scripts.tool(tuple(shlex.split(segment)))
        except ValueError:
            continue


def listen(tree: Tree, candidate: Candidate, server: Server, run: str = "") -> None:
    """Give `candidate` the port of its framework; `run`: what starts it and takes further arguments."""
    candidate.has_pages, candidate.is_socket = server.has_pages, server.is_socket
    candidate.health = server.health
    candidate.env_files = tuple(name for name in server.files if (candidate.folder / name).is_file()) or None
    if candidate.port is not None:
        return
    for name in server.configs:
        path = candidate.folder / name
        found = _PORT.search(tree.text(path))
        if found is not None:
            candidate.port = int(found[1])
            line = line_of(tree.text(path), found.start(1))
            candidate.evidence.append(
                Evidence(path=tree.shown(path), line=line, what=f"port {candidate.port}")
            )
            return
    if run and server.flag:
        candidate.default_port = server.port
        candidate.command = f"{run} {server.flag} {server.port}"
    else:
        candidate.port, candidate.port_variable = server.port, server.variable


def told(script: str, which: str) -> str:
    """`npm run dev --`: a script that arguments can be added to."""
    return f"{which} run {script}{' --' if which == 'npm' else ''}"
