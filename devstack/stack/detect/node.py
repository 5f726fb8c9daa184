"""Services of JavaScript packages: Next, Vite, WebSocket and HTTP servers, agents."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from devstack import regular
from devstack.stack import package, scripts, shell_words, workspaces
from devstack.stack.detect import parallel, servers
from devstack.stack.detect.model import Candidate, Evidence
from devstack.stack.detect.tree import Tree, line_of
from devstack.stack.model import FRONTENDS, ServiceType

SOURCES = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts")
_SOCKET_PACKAGES = {
    "ws": "ws",
    "@fastify/websocket": "ws",
    "uWebSockets.js": "ws",
    "socket.io": "socket.io",
    "@hocuspocus/server": "hocuspocus",
    "graphql-ws": "graphql-ws",
}
# Commands that only people's terminals need, and what a program does that others can reach.
_TERMINAL = {
    "commander",
    "yargs",
    "inquirer",
    "ink",
    "@clack/prompts",
    "prompts",
    "meow",
    "cac",
    "@oclif/core",
}
_LISTENS = re.compile(r"\.listen\(|\bcreateServer\(|\b(?:Bun|Deno)?\.?serve\(|WebSocketServer\(|new Worker\(")
_BUILDS = re.compile(r"(?:^|/)(?:(?:esbuild|rollup|webpack|build|watch)[\w.-]*|scripts/.*)\.[cm]?[jt]s$")
# Compilers that start the result: `tsup --watch --onSuccess "node dist/index.js"`.
_COMPILERS = {"tsup", "tsdown", "tsc-watch", "unbuild"}
_RUNTIMES = {"node", "tsx", "ts-node", "ts-node-dev", "tsnd", "bun", "deno", "nest", "nodemon"}
_SIDE_SCRIPT = re.compile(
    r"(?:dev|start)?[:-]?(ws|websocket|socket|server|api|backend|worker|realtime|agent)"
)
_PORT_FLAG = re.compile(r"(?:^|\s)(?:-p|--port)[=\s]+(\d{2,5})\b|\bPORT=(\d{2,5})\b")
_VITE_PORT = re.compile(r"\bserver\s*:\s*\{[^}]*?\bport\s*:\s*(\d{2,5})", re.DOTALL)
_EXECUTES = {"npm": "npx", "pnpm": "pnpm exec", "yarn": "yarn", "bun": "bunx"}
_INSTALLS = {
    "package-lock.json": "npm ci",
    "npm-shrinkwrap.json": "npm ci",
    "pnpm-lock.yaml": "pnpm install --frozen-lockfile",
    "yarn.lock": "yarn install --immutable",
    "bun.lock": "bun install --frozen-lockfile",
    "bun.lockb": "bun install --frozen-lockfile",
}


def find(tree: Tree) -> Iterator[Candidate]:
    """One or more candidates for each package.json that starts something."""
    for path in tree.named("package.json"):
        found = package.read(path.parent)
        if found is not None:
            yield from _services(tree, path.parent, found)


def _services(tree: Tree, folder: Path, own: package.Package) -> Iterator[Candidate]:
    main = _main(tree, folder, own)
    if main is not None:
        yield main
        yield from _side_services(tree, folder, own, main)
        return
    together = list(_parallel(tree, folder, own))
    yield from together or _side_services(tree, folder, own, main)


def _parallel(tree: Tree, folder: Path, own: package.Package) -> Iterator[Candidate]:
    """The package's own programs among those that its script starts side by side."""
    which = package.manager(folder, tree.root)
    for part in parallel.parts(own, which):
        text = _followed(own, part.command)
        kind = _kind(own, text)
        if kind is None:
            continue
        words = scripts.tool(shell_words.read(text).words or ())
        if kind is ServiceType.NEXT and words[:1] != ("next",):
            kind = ServiceType.NODE
        candidate = Candidate(
            name=_part_name(tree, folder, part.name, kind),
            kind=kind,
            folder=folder,
            command=runnable(part.command, which),
            evidence=[_evidence(tree, own, part.script)],
            setup=_setup(tree, folder),
        )
        _port(tree, candidate, text)
        server = servers.of(words)
        if server is not None:
            servers.listen(tree, candidate, server)
        elif kind is ServiceType.NODE:
            _entry(tree, candidate, words)
        _socket(candidate, own)
        yield candidate


def _part_name(tree: Tree, folder: Path, given: str, kind: ServiceType) -> str:
    """Its own name, except for the pages of a package among others: those are called as the package."""
    if kind in FRONTENDS and (folder != tree.root or not given):
        return folder.name
    return given or "server"


def runnable(command: str, which: str) -> str:
    """A script's command outside of a script, where `node_modules/.bin` is on no PATH."""
    words = shell_words.read(command).words or ("",)
    if words[0] in {"node", "bun", "deno", "npx", "bunx", "", *package.MANAGERS} or "/" in words[0]:
        return command
    return f"{_EXECUTES[which]} {command}"


def _entry(tree: Tree, candidate: Candidate, words: tuple[str, ...]) -> None:
    """Its source and port, by the file that it starts."""
    entry = _file(candidate.folder, words)
    if entry is not None:
        candidate.source = _own_source(candidate.folder, entry)
        _port_in_source(tree, candidate, [entry])


def _file(folder: Path, words: Iterable[str]) -> Path | None:
    return next((folder / word for word in words if (folder / word).is_file()), None)


def _main(tree: Tree, folder: Path, own: package.Package) -> Candidate | None:
    script = next((name for name in parallel.MAIN_SCRIPTS if name in own.scripts), None)
    if script is None:
        return None
    text = _followed(own, own.scripts[script])
    kind = _kind(own, text)
    server = servers.in_script(text)
    is_other = server is None and kind is ServiceType.NODE and (_is_orchestrator(own) or _is_tool(tree, own))
    if kind is None or is_other:
        return None
    which = package.manager(folder, tree.root)
    is_default = script in ("dev", "start") and kind is not ServiceType.LIVEKIT_AGENT
    candidate = Candidate(
        name=folder.name,
        kind=kind,
        folder=folder,
        command=None if is_default else f"{which} run {script}",
        evidence=[_evidence(tree, own, script)],
    )
    _port(tree, candidate, text)
    if server is not None:
        servers.listen(tree, candidate, server, servers.told(script, which))
    elif kind is ServiceType.NODE:
        entry = _file(folder, text.split())
        _port_in_source(tree, candidate, [] if entry is None else [entry])
    _socket(candidate, own)
    candidate.setup = _setup(tree, folder)
    return candidate


_SERVERS = {
    "express",
    "fastify",
    "koa",
    "hono",
    "@hono/node-server",
    "@nestjs/core",
    "@hapi/hapi",
    *_SOCKET_PACKAGES,
}


def _is_tool(tree: Tree, own: package.Package) -> bool:
    """A program for a person's terminal: nothing of it listens, and its package says that it is a command."""
    if _SERVERS.intersection(own.dependencies):
        return False
    words = re.split(r"[^a-z]+", f"{own.path.parent.name} {own.name}".lower())
    if not ({"cli", "tui"}.intersection(words) or own.is_command or _TERMINAL.intersection(own.dependencies)):
        return False
    return not any(_LISTENS.search(tree.text(path)) for path in tree.below(own.path.parent, SOURCES))


def _is_orchestrator(own: package.Package) -> bool:
    """A workspace's root whose script starts its packages: `node scripts/dev.js`."""
    return package.is_workspace(own.path.parent) and not _SERVERS.intersection(own.dependencies)


def _followed(own: package.Package, text: str, depth: int = 4) -> str:
    """A script with the package's other scripts that it calls written out: `pnpm with-env next dev`."""
    segments = []
    for segment in re.split(r"\s*(?:&&|;)\s*", text):
        try:
            words = tuple(shlex.split(segment))
        except ValueError:
            words = ()
        inner = scripts.behind(words, own) if depth else None
        if inner is not None:
            further = words[words.index(inner.name) + 1 :]
            segment = _followed(own, shlex.join((*shlex.split(inner.text), *further)), depth - 1)
        segments.append(segment)
    return " && ".join(segments)


def _kind(own: package.Package, text: str) -> ServiceType | None:
    """What a package's main script starts; None for libraries, task runners and builds."""
    segments = re.split(r"&&|;", text.partition("||")[0])
    for segment in segments:
        try:
            words = scripts.tool(tuple(shlex.split(segment)))
        except ValueError:
            continue
        program = words[0] if words else ""
        if program == "next" and words[1:2] in (("dev",), ("start",)):
            return ServiceType.NEXT
        if program == "vite" and words[1:2] not in (("build",), ("preview",)):
            return ServiceType.VITE
        server = servers.of(words)
        if server is not None:
            return server.kind
        if (
            segment is segments[-1] and _is_runtime(words, segment) and not _only_builds(own, words)
        ):  # what comes before it ends
            return _server_kind(own)
    return None


def _is_runtime(words: tuple[str, ...], segment: str) -> bool:
    """Whether a command runs a script: `node x`, `tsx x`, `nodemon --watch lib x.js`, `nodemon`, `bun --hot x.ts`.

    `words`: the program and its arguments; nodemon and bun, which run other programs as well, are taken off.
    """
    program = words[0] if words else ""
    if program in _COMPILERS:
        return any(word.startswith("node ") for word in words)
    if program in _RUNTIMES or Path(program).suffix in SOURCES or "nodemon" in segment.split()[:3]:
        return True
    has_options = program == "run" or program.startswith("-")
    return has_options and any(Path(word).suffix in SOURCES for word in words)


def _only_builds(own: package.Package, words: tuple[str, ...]) -> bool:
    """Whether the script that runs is one that builds or watches: `node esbuild.config.mjs`, `tsx scripts/watch.ts`."""
    return any(_BUILDS.search(word) for word in words) and not _SERVERS.intersection(own.dependencies)


def _server_kind(own: package.Package) -> ServiceType | None:
    if "@livekit/agents" in own.dependencies:
        return ServiceType.LIVEKIT_AGENT
    if "next" in own.dependencies and not {"ws", "socket.io"} & set(own.dependencies):
        return ServiceType.NEXT  # a custom server around Next
    return ServiceType.NODE


def _side_services(
    tree: Tree, folder: Path, own: package.Package, main: Candidate | None
) -> Iterator[Candidate]:
    """Servers that stand beside the main script: `"ws": "tsx server/ws.ts"`."""
    which = package.manager(folder, tree.root)
    for name, role, words in _side_scripts(own, folder):
        candidate = Candidate(
            name=role,
            kind=ServiceType.LIVEKIT_AGENT if "@livekit/agents" in own.dependencies else ServiceType.NODE,
            folder=folder,
            command=f"{which} run {name}",
            evidence=[_evidence(tree, own, name)],
        )
        _port(tree, candidate, own.scripts[name])
        _entry(tree, candidate, words)
        if main is None or not main.is_socket:
            _socket(candidate, own)
        yield candidate


def _side_scripts(own: package.Package, folder: Path) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Name, role and words of each such script; of several for one file the one that watches."""
    begun: set[Path] = set()
    for name in sorted(own.scripts, key=lambda name: not name.startswith("dev")):
        match = _SIDE_SCRIPT.fullmatch(name)
        if match is None or name in ("dev", "start") or _is_production(own, folder, name):
            continue
        try:
            words = scripts.tool(tuple(shlex.split(own.scripts[name])))
        except ValueError:
            continue
        entry = _file(folder, words)
        if words and _is_runtime(words, own.scripts[name]) and entry not in begun:
            begun.update(() if entry is None else (entry,))
            yield name, match[1], words


def _is_production(own: package.Package, folder: Path, name: str) -> bool:
    """Whether a script starts, beside one for development, what only a build makes."""
    if not name.startswith("start") or "dev" not in own.scripts:
        return False
    if name.replace("start", "dev", 1) in own.scripts:
        return True
    entries = [
        word for word in shell_words.read(own.scripts[name]).words or () if Path(word).suffix in SOURCES
    ]
    return not any((folder / entry).is_file() for entry in entries)


def _own_source(folder: Path, entry: Path) -> Path:
    """The folder that a side service's entry stands in, unless that is where the main one lives too."""
    first = entry.relative_to(folder).parts[0]
    return entry if first in ("src", "app", "lib", entry.name) else folder / first


def _evidence(tree: Tree, own: package.Package, script: str) -> Evidence:
    text = shell_words.outline(own.scripts[script])
    return Evidence(
        path=tree.shown(own.path), line=own.lines.get(script, 1), what=f'script {script}: "{text[:60]}"'
    )


def _port(tree: Tree, candidate: Candidate, script: str) -> None:
    match = _PORT_FLAG.search(script)
    if match is not None:
        candidate.port = int(match[1] or match[2])
        return
    if candidate.kind is ServiceType.VITE:
        for name in ("vite.config.ts", "vite.config.js", "vite.config.mts", "vite.config.mjs"):
            text = tree.text(candidate.folder / name)
            found = _VITE_PORT.search(text)
            if found is not None:
                candidate.port = int(found[1])
                shown = tree.shown(candidate.folder / name)
                line = line_of(text, found.start(1))
                candidate.evidence.append(Evidence(path=shown, line=line, what=f"port {found[1]}"))


_LISTEN = re.compile(
    r"\.listen\(\s*(\d{4,5})\b|\bport\s*:\s*(\d{4,5})\b"
    r"|(?:PORT\w*['\"\])]*\s*(?:\|\||\?\?)\s*|PORT\w*['\"]\s*,\s*|(?:port|PORT)\s*=\s*)['\"]?(\d{4,5})\b"
)


def port_in_source(tree: Tree, candidate: Candidate) -> None:
    """The port that a server's source names, from its entry-like files."""
    names = ("server", "index", "main", "app", "ws", "websocket", "socket")
    files = tree.below(candidate.folder, SOURCES)
    _port_in_source(tree, candidate, [path for path in files if path.stem in names])


def _port_in_source(tree: Tree, candidate: Candidate, files: list[Path]) -> None:
    for path in files:
        text = tree.text(path)
        match = _LISTEN.search(text)
        if match is not None and candidate.port is None:
            candidate.port = int(next(group for group in match.groups() if group))
            line = line_of(text, match.start())
            candidate.evidence.append(
                Evidence(path=tree.shown(path), line=line, what=f"port {candidate.port}")
            )


def _socket(candidate: Candidate, own: package.Package) -> None:
    if candidate.kind is not ServiceType.NODE:
        return
    for name, protocol in _SOCKET_PACKAGES.items():
        if name in own.dependencies:
            candidate.is_socket, candidate.protocol = True, protocol
            return


def _setup(tree: Tree, folder: Path) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """How dependencies are installed: by the nearest lockfile, that of the workspace included; else one is written.

    Of several lockfiles the one of the manager that the packages name.
    """
    which = package.manager(folder, tree.root)
    for place, prefix in tree.upward(folder):
        found = [name for name in _INSTALLS if (place / name).is_file()]
        own = [name for name in found if (name, which) in package.LOCKFILES]
        for lockfile in own or (found if which == "npm" else []):
            is_classic = lockfile == "yarn.lock" and _is_classic(place / lockfile)
            command = "yarn install --frozen-lockfile" if is_classic else _INSTALLS[lockfile]
            return command, (f"{prefix}{lockfile}",), (f"{prefix}node_modules",)
        if found:
            break
    root = workspaces.top(folder)
    if root is None or root == folder or folder not in workspaces.named(root).values():
        return f"{which} install", ("package.json",), ("node_modules",)
    above = Path(os.path.relpath(root, folder)).as_posix()  # its packages lie there, in one folder
    return f"{which} install", ("package.json", f"{above}/package.json"), (f"{above}/node_modules",)


def _is_classic(lockfile: Path) -> bool:
    """Whether Yarn 1 wrote it, which does not know the options of later ones."""
    try:
        return b"# yarn lockfile v1" in regular.read(lockfile)[:200]
    except OSError:
        return False
