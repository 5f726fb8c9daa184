"""Puts the detectors together: one pass over the repository, one list of services."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from devstack.stack.detect import (
    absent,
    clashes,
    containers,
    contract,
    declared,
    envfiles,
    independent,
    langgraph,
    migrations,
    needed,
    node,
    procfiles,
    python,
)
from devstack.stack.detect.model import Candidate, Detected, Evidence, Read
from devstack.stack.detect.reads import reads
from devstack.stack.detect.tree import TEST_FILE, Tree, line_of
from devstack.stack.model import ServiceType

SOURCES = (*node.SOURCES, ".py", ".vue", ".svelte")
_HEALTH = re.compile(r"""['"](/(?:api/)?(?:health|healthz|healthcheck|ping))/?['"]""")
_SOCKET_PATH = re.compile(
    r"""WebSocketServer\(\s*\{[^}]*\bpath\s*:\s*['"](/[^'"]*)['"]|\.ws\(\s*['"](/[^'"]*)['"]"""
    r"""|\.get\(\s*['"](/[^'"]*)['"]\s*,\s*(?:upgradeWebSocket\(|\{\s*websocket\s*:\s*true)"""
)
# Servers that take WebSockets without a package that says so: Bun, Hono, Elysia, Workers.
_SOCKETS = re.compile(
    r"\bupgradeWebSocket\(|\bWebSocketPair\(|\bserver\.upgrade\(|\.ws\(\s*['\"]/|\bwebsocket\s*:\s*(?:true\b|\{)"
)
_TELLING = ("env", "onfig", "/health", "ebSocket", "websocket", ".ws(")
_PORT_VARIABLES = ("PORT", "WS_PORT", "SERVER_PORT", "API_PORT", "BACKEND_PORT")
_CONFIGURATION = re.compile(r"(?:vite|next|nuxt|astro)\.config\.[cm]?[jt]s|setupProxy\.js")
_LOCAL_ADDRESS = re.compile(
    r"""^(?!\s*(?://|\*)).*?['"`]((?:https?|wss?)://(?:localhost|127\.0\.0\.1):\d{2,5})\b""", re.MULTILINE
)
# What servers with certificates of their own are started with.
_TLS = (
    "https.createServer",
    "createSecureServer",
    "ssl_",
    "--ssl",
    "SSLContext",
    "-https",
    "basicSsl",
    "mkcert",
    ".pem",
)
_LOADS_FILES = re.compile(r"\bload_dotenv\(|\benv_file\b")  # which ones its source says
_GENERIC = {"src", "app", "packages", "apps", "services"}


def detect(root: Path) -> Detected:
    """Look at the repository at `root`. Reads files, runs nothing."""
    tree = Tree(root)
    services = _sources(tree)
    for service in services:
        _name(service, root)
    detected = Detected(root=root, name=_plain(root.name) or "stack", services=services)
    declared.join(tree, detected)
    langgraph.settle(tree, detected)
    python.widen(services)
    services += containers.find(tree, services)
    is_deployment = needed.drop_published(tree, detected)
    procfiles.join(tree, detected)
    if not services:
        detected.projects = independent.folders(root, _sources(Tree(root, has_collections=True)))
        detected.notes += absent.why(tree)
    _unique_names(services)
    for service in services:
        if service.kind is not ServiceType.COMPOSE:
            _look_inside(tree, service, services)
    needed.choose(tree, detected, is_deployment=is_deployment)
    if independent.is_collection(root, services):
        detected.projects = independent.folders(root, services)
    _default_ports(detected)
    detected.notes += containers.left_out(tree, services)
    contract.infer(detected)
    return detected


def _sources(tree: Tree) -> list[Candidate]:
    """Services whose source is in the repository."""
    return [*node.find(tree), *python.find(tree), *langgraph.find(tree)]


def _name(service: Candidate, root: Path) -> None:
    """What people call it: the folder, the one around it, or the role where they say nothing."""
    inner = (service.folder, *service.folder.parents)[: len(service.folder.relative_to(root).parts)]
    telling = next((folder.name for folder in inner if folder.name not in _GENERIC), "")
    beside = service.name != service.folder.name and service.kind in (ServiceType.NODE, ServiceType.PYTHON)
    if inner and (telling == service.folder.name or beside):
        return
    if service.is_frontend:
        service.name = "web"
    elif service.kind is ServiceType.LIVEKIT_AGENT:
        service.name = "agent"
    elif inner and telling:
        service.name = telling
    elif not beside:
        service.name = "ws" if service.is_socket else "server"


def _unique_names(services: list[Candidate]) -> None:
    taken: set[str] = set()
    for service in services:
        base = _plain(service.name) or "service"
        base = f"{base}-service" if base == "file" else base
        name, number = base, 2
        while name in taken:
            name, number = f"{base}-{number}", number + 1
        taken.add(name)
        service.name = name


def _plain(text: str) -> str:
    """A valid name from any folder's name, or ""."""
    return re.sub(r"^[^a-z]+", "", re.sub(r"[^a-z0-9_]+", "-", text.lower()))[:36].rstrip("-")


def _look_inside(tree: Tree, service: Candidate, services: list[Candidate]) -> None:
    """Env files, variables read, health endpoint, port."""
    service.example = envfiles.example(service.folder)
    service.defined = envfiles.defined(service.folder)
    _root_env_file(tree, service)
    others = tuple(one.folder for one in services if one.folder != service.folder)
    started = (service.command or "", tree.text(service.folder / "package.json"))
    service.may_use_tls = any(word in text for text in started for word in _TLS)
    for path in tree.below(service.folder, SOURCES, others):
        text = tree.text(path)
        service.may_use_tls = service.may_use_tls or any(word in text for word in _TLS)
        if not any(word in text for word in _TELLING) or TEST_FILE.search(tree.shown(path)):
            continue
        if not _belongs(service, services, path):
            continue
        service.reads.extend(reads(text, tree.shown(path)))
        _endpoints(tree, service, path, text)
    service.reads.extend(_unread(tree, service))
    if service is next(one for one in services if one.folder == service.folder):
        service.migration = migrations.command(tree, service)
    if service.is_frontend:
        service.proxied = list(_proxied(tree, service.folder))
    _port(tree, service)


def _proxied(tree: Tree, folder: Path) -> Iterator[tuple[str, Evidence]]:
    """Local addresses in the configuration of a page server: it passes requests on to them."""
    for path in tree.below(folder, node.SOURCES):
        if path.parent == folder and _CONFIGURATION.fullmatch(path.name):
            for match in _LOCAL_ADDRESS.finditer(tree.text(path)):
                line = line_of(tree.text(path), match.start(1))
                yield match[1], Evidence(path=tree.shown(path), line=line, what=f"passes on to {match[1]}")


def _unread(tree: Tree, service: Candidate) -> Iterator[Read]:
    """What the folder's env files define and no source here reads: frameworks and packages read by themselves."""
    known = {name for read in service.reads for name in read.names}
    for name in service.defined:
        place = None if name in known else envfiles.place(service.folder, name)
        if place is not None:
            shown = tree.shown(service.folder / place[0])
            evidence = Evidence(path=shown, line=place[1], what=f"defines {name}")
            yield Read(names=(name,), evidence=evidence, is_source=False)


def _belongs(service: Candidate, services: list[Candidate], path: Path) -> bool:
    """Where services share a folder: what a side service declares is its own, Python is not JavaScript's."""
    sharing = [one for one in services if one.folder == service.folder and one is not service]
    if sharing and service.kind is ServiceType.COMMAND:
        return False  # nothing is known of what it reads
    if service.source is not None:
        return path.is_relative_to(service.source)
    if any(one.source is not None and path.is_relative_to(one.source) for one in sharing):
        return False
    is_python = path.suffix == ".py"
    if sharing and is_python != (service.kind in (ServiceType.PYTHON, ServiceType.LIVEKIT_AGENT)):
        return False
    named = service.command is not None and path.name in service.command
    return named or not any(one.command and path.name in one.command for one in sharing)


def _root_env_file(tree: Tree, service: Candidate) -> None:
    """A Python service without env file of its own, in a repository with one at its root."""
    is_python = service.kind in (ServiceType.PYTHON, ServiceType.LIVEKIT_AGENT)
    if is_python and not service.defined and service.folder != tree.root:
        found = envfiles.defined(tree.root)
        service.defined = found
        loads = any(_LOADS_FILES.search(tree.text(path)) for path in tree.below(service.folder, (".py",)))
        if found and not loads:
            up = "../" * len(service.folder.relative_to(tree.root).parts)
            service.env_files = (f"{up}.env",)


def _endpoints(tree: Tree, service: Candidate, path: Path, text: str) -> None:
    if service.is_frontend or service.is_worker:
        return
    health = _HEALTH.search(text)
    if health is not None and service.health is None:
        service.health = health[1]
        line = line_of(text, health.start())
        service.evidence.append(Evidence(path=tree.shown(path), line=line, what=f"health at {health[1]}"))
    socket = _SOCKET_PATH.search(text)
    if socket is not None and service.socket_path is None:
        service.socket_path = next(path for path in socket.groups() if path)
    if service.kind is ServiceType.NODE and _SOCKETS.search(text):
        service.is_socket = True


def _port(tree: Tree, service: Candidate) -> None:
    if service.port is None and service.default_port is None and service.kind is ServiceType.NODE:
        node.port_in_source(tree, service)
    is_told = service.default_port is None and python.port_flag(service.command or "") is not None
    if service.is_frontend or is_told:
        return
    fallbacks = {one.names[0]: one.fallback or "" for one in service.reads}
    for variable in _PORT_VARIABLES:
        is_read = variable in fallbacks or service.kind is ServiceType.COMMAND
        found = service.defined.get(variable) if is_read else None
        if found is not None and _is_port(found):
            service.port = int(found)
            return
        fallback = fallbacks.get(variable, "")
        if _is_port(fallback) and service.port in (None, int(fallback)):
            service.port = int(fallback)
            service.port_variable = variable
            return


def _is_port(text: str) -> bool:
    return text.isdigit() and 0 < int(text) < 65536


def _default_ports(detected: Detected) -> None:
    """Who takes its port from the command line gets its framework's, or the next one that nobody claims."""
    claimed = {one.port for one in detected.services if one.port is not None}
    for service in detected.services:
        wanted = service.default_port or contract.FRONTEND_PORTS.get(service.kind)
        if wanted is None:
            continue
        if service.port is None:
            clashes.move(detected, service, wanted, claimed)
        if service.port != wanted and service.default_port and service.command and not service.from_procfile:
            service.command = f"{service.command.removesuffix(str(wanted))}{service.port}"
