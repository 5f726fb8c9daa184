"""What has to be done to a service's database before its first start, as far as its folder shows."""

from __future__ import annotations

import re

from devstack.stack import package
from devstack.stack.detect import entries, interpreters
from devstack.stack.detect.model import Candidate
from devstack.stack.detect.tree import Tree
from devstack.stack.model import ServiceType

_SCRIPT = re.compile(
    r"(?:(?:db|database|prisma|drizzle)[:-])?(?:migrate|migration:run|push|setup)(?:[:-](?:dev|run|latest|up))?"
)
_DOES = re.compile(r"\b(?:prisma|drizzle-kit|knex|typeorm|sequelize|migrat\w*)\b")


def command(tree: Tree, service: Candidate) -> str | None:
    """The command that makes or updates the tables, run in the service's folder; None where nothing shows one."""
    if service.kind is ServiceType.PYTHON:
        return _python(tree, service)
    own = package.read(service.folder)
    if own is None:
        return None
    which = package.manager(service.folder, tree.root)
    for name, text in own.scripts.items():
        if _SCRIPT.fullmatch(name) and _DOES.search(text):
            return f"{which} run {name}"
    has_schema = (service.folder / "prisma" / "schema.prisma").is_file()
    return "npx prisma migrate dev" if has_schema else None


def _python(tree: Tree, service: Candidate) -> str | None:
    interpreter = interpreters.of(tree, service.folder)
    if entries.is_django(tree, service.folder):
        return f"{interpreter.python} manage.py migrate"
    return f"{interpreter.run}alembic upgrade head" if (service.folder / "alembic.ini").is_file() else None
