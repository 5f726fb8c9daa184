"""A Procfile that the repository has: its names and commands win over guesses."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from devstack.stack import package, procfile, scripts, shell_words
from devstack.stack.detect.model import Candidate, Detected, Evidence
from devstack.stack.detect.tree import Tree
from devstack.stack.model import ServiceType

NAMES = ("Procfile.dev", "Procfile")
_RUNNER = re.compile(
    r"\b(?:honcho|foreman|overmind|goreman|hivemind)\b[^\n;&|]*?\s(?:-f|--procfile)?[= ]?\"?(\w*Procfile[\w.]*)"
)
_ONE_OFFS = ("release", "postdeploy", "predeploy")  # run once by Heroku and its like, at each deployment
_DEPLOYS = re.compile(
    r"\b(?:gunicorn|uwsgi|puma|pm2)\b|NODE_ENV=production|\$PORT\b|\$\{PORT\}"
    r"|\b(?:npm|yarn|pnpm|bun)(?: run)? start\b|\b(?:node|bun) \.?/?(?:dist|build|\.next|\.output)/"
)
_FOLDER = re.compile(r"^cd\s+(['\"]?)([^'\"&;]+?)\1\s*&&\s*(.+)$", re.DOTALL)


def join(tree: Tree, detected: Detected) -> None:
    """Rename what an entry starts, add what only the Procfile knows."""
    name = _chosen(tree)
    if name is None:
        return
    entries = procfile.parse_text(tree.text(tree.root / name)).entries
    free = [one for one in detected.services if one.kind is not ServiceType.COMPOSE]
    deployed = list(_deployed(name, entries.values(), has_sources=bool(free)))
    if deployed:
        left = ", ".join(f"{entry.name} (line {entry.line})" for entry in deployed)
        detected.notes.append(f"{name} is for a deployment; left out: {left}")
    for entry in (one for one in entries.values() if one not in deployed):
        folder, command = _split(tree.root, entry.command)
        if any(one.name == entry.name and one.compose for one in detected.services):
            continue
        known = _match(free, entry.name, command, folder=folder, root=tree.root)
        if known is None:
            known = Candidate(name=entry.name, kind=_kind(command), folder=folder)
            detected.services.append(known)
        else:
            free.remove(known)
        known.name = entry.name
        known.evidence.append(Evidence(path=name, line=entry.line, what=f"entry {entry.name}"))
        if folder == known.folder:
            known.command = command
            known.from_procfile = command == entry.command
            known.port = _port(command) or known.port or known.default_port
            known.default_port = None
    if any(one.from_procfile for one in detected.services):
        detected.procfile = name


def _chosen(tree: Tree) -> str | None:
    """The Procfile for development: the one that the repository's own commands give to a runner, else by its name."""
    for place in ("package.json", "Makefile", "justfile", "bin/dev", "README.md"):
        for match in _RUNNER.finditer(tree.text(tree.root / place)):
            if (tree.root / match[1]).is_file() and "test" not in match[1].lower():
                return match[1]
    return next((name for name in NAMES if (tree.root / name).is_file()), None)


def _deployed(
    name: str, entries: Collection[procfile.Entry], *, has_sources: bool
) -> Iterator[procfile.Entry]:
    """What belongs to a deployment: all of its Procfile where the source shows services, else its one-offs."""
    one_offs = [entry for entry in entries if entry.name in _ONE_OFFS]
    is_deployment = name == "Procfile" and any(_DEPLOYS.search(entry.command) for entry in entries)
    yield from entries if has_sources and (one_offs or is_deployment) else one_offs


def propose(detected: Detected) -> str | None:
    """A Procfile.dev for other runners: only where all commands run in one folder, as theirs must."""
    started = [one for one in detected.services if one.kind is not ServiceType.COMPOSE]
    if detected.procfile or len(started) < 2 or any(one.folder != detected.root for one in started):
        return None
    which = package.manager(detected.root, detected.root)
    lines = [f"{one.name}: {one.command or f'{which} run dev'}" for one in started]
    for one in started:
        one.from_procfile = True
    detected.procfile = NAMES[0]
    return "\n".join(lines) + "\n"


def _split(root: Path, command: str) -> tuple[Path, str]:
    """The folder a command changes into, and the rest."""
    match = _FOLDER.match(command)
    if match is None:
        return root, command
    folder = root / match[2].strip()
    return (folder, match[3].strip()) if folder.is_dir() else (root, command)


def _match(
    services: list[Candidate], name: str, command: str, *, folder: Path, root: Path
) -> Candidate | None:
    same_name = [one for one in services if one.name == name]
    if same_name:
        return same_name[0]
    here = [one for one in services if one.folder == folder]
    if len(here) == 1 and (folder == here[0].folder != root or _kind(command) is here[0].kind):
        return here[0]
    mentioned = [one for one in here if one.command and one.command.split()[-1] in command]
    return mentioned[0] if len(mentioned) == 1 else None


def _kind(command: str) -> ServiceType:
    words = shell_words.read(command).words
    program = (scripts.tool(words) or ("",))[0] if words else ""
    kinds = {"next": ServiceType.NEXT, "vite": ServiceType.VITE}
    if program in kinds:
        return kinds[program]
    if re.fullmatch(r"python[0-9.]*|uvicorn|gunicorn|flask", program):
        return ServiceType.PYTHON
    return ServiceType.NODE if program in ("node", "tsx") else ServiceType.COMMAND


def _port(command: str) -> int | None:
    match = re.search(r"(?:-p|--port)[=\s]+(\d{2,5})\b|\bPORT=(?:\$\{PORT:-)?(\d{2,5})\b", command)
    return int(match[1] or match[2]) if match else None
