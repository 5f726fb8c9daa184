"""Services for which nothing loads an env file: not their sources, not their command, not one of their packages.

A Python or Node service is taken to read `.env`, as the type says. Where everything that it is made of is known, and
nothing of that loads a file, the program starts without the values.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from devstack import foreign
from devstack.contract.members import is_blinded
from devstack.env.model import LayerKind
from devstack.patterns import regex
from devstack.rules.claims import command_words
from devstack.rules.packages import read_json
from devstack.stack import scripts
from devstack.stack.model import ServiceType
from devstack.stack.package import MANAGERS

if TYPE_CHECKING:
    from devstack.env.model import Value
    from devstack.env.source.model import SourceRead
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PROGRAMS = {
    ServiceType.PYTHON: frozenset({"python", "python3", "uvicorn", "gunicorn", "hypercorn", "daphne"}),
    ServiceType.NODE: frozenset({"node", "tsx", "ts-node", "nodemon"}),
}
# Packages that load no env file by themselves. Everything else may: Prisma, Flask, LiteLLM, Chainlit … do.
_PLAIN = _words(
    "fastapi uvicorn starlette websockets aiohttp httpx requests redis sqlalchemy asyncpg psycopg psycopg2 "
    "psycopg2-binary pydantic pyjwt jwt python-jose passlib bcrypt numpy anyio pytest ruff mypy openai anthropic "
    "aiofiles orjson gunicorn "
    "express ws socket.io cors jsonwebtoken jose hono @hono/node-server @hono/node-ws fastify @fastify/websocket "
    "@fastify/cors @fastify/jwt ioredis pg mysql2 mongodb mongoose nodemon tsx typescript ts-node eslint prettier "
    "vitest jest zod uuid nanoid body-parser cookie-parser helmet morgan pino winston axios node-fetch bullmq amqplib "
    "kafkajs nodemailer concurrently cross-env rimraf tslib socket.io-client y-websocket yjs @socket.io/redis-adapter"
)
_IMPORTED = regex(r"^\s*(?:import\s+([\w.]+)|from\s+([\w.]+)\s+import)")
_REQUIREMENT = regex(r"\s*([A-Za-z0-9][\w.-]*)")


def needed(inspection: Inspection, service: Service) -> Iterator[tuple[str, Value, SourceRead]]:
    """(name, value, read) of what the program needs, and only a file gives that nothing loads."""
    if service.type not in _PROGRAMS or not _is_assumed(inspection, service):
        return
    environment = inspection.environments[service.name]
    declared = inspection.declared(service.name)
    told: set[str] = set()
    for read in inspection.sources(service.name).reads:
        name = read.name
        if name is None or name in told or read.has_fallback or read.otherwise:
            continue
        raises = read.form == "os.environ" and read.subscript
        value = environment.get(name) if raises or name in declared else None
        if value is None or value.origin.layer is not LayerKind.FILE:
            continue
        if not _imports_plainly(inspection, service, read.path):
            return
        told.add(name)
        yield name, value, read


def _is_assumed(inspection: Inspection, service: Service) -> bool:
    """Whether only the type says that `.env` is read, and everything that could load it is known."""
    declared, environment = service.env, inspection.environment(service.name)
    if declared.loader or declared.files is not None or declared.layers or declared.inject:
        return False
    if environment is None or is_blinded(environment) or not environment.variables:
        return False
    commands = command_words(inspection, service)
    tools = {scripts.tool(one.words)[:1] for one in commands if one.words[0] not in MANAGERS}
    index = inspection.sources(service.name)
    return (
        not (index.dotenv_calls or index.settings)
        and bool(tools)
        and tools <= {(program,) for program in _PROGRAMS[service.type]}
        and not any("env" in one.text for one in commands)
        and not inspection.files.may_hold(inspection.root, ".envrc")
        and _PLAIN.issuperset(_dependencies(inspection, inspection.folder(service)))
    )


def _dependencies(inspection: Inspection, folder: Path) -> Iterator[str]:
    """Names of what the service is made of, as its manifests say."""
    if not inspection.files.may_hold(folder, "package.json", "requirements.txt", "pyproject.toml"):
        return
    for name in _table(read_json(inspection.files, folder / "package.json"), "dependencies"):
        if not name.startswith("@types/"):
            yield name
    lines = (inspection.read_text(folder / "requirements.txt") or "").splitlines()
    project = foreign.from_toml(inspection.read_text(folder / "pyproject.toml"))
    given = _table(project, "project").get("dependencies")
    lines += [str(line) for line in given] if isinstance(given, list) else []
    lines += _table(_table(_table(project, "tool"), "poetry"), "dependencies")
    for line in lines:
        found = _REQUIREMENT.match(line)
        if found and found[1].lower() != "python":
            yield found[1].lower()


def _table(document: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _imports_plainly(inspection: Inspection, service: Service, path: str) -> bool:
    """Whether a Python module imports only what is known to load no file; JavaScript's manifest says it all."""
    if not path.endswith(".py"):
        return True
    folders = (inspection.folder(service), (inspection.root / path).parent)
    for line in (inspection.read_text(inspection.root / path) or "").splitlines():
        found = _IMPORTED.match(line)
        name = "" if found is None else (found[1] or found[2]).partition(".")[0]
        is_known = not name or name in sys.stdlib_module_names or name in _PLAIN
        if not is_known and not any(
            inspection.files.may_hold(place, f"{name}.py", name) for place in folders
        ):
            return False
    return True
