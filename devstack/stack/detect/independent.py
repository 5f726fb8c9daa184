"""Repositories that hold many projects which were never meant to run together: examples, templates, cookbooks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from devstack.stack import package
from devstack.stack.detect.model import Candidate
from devstack.stack.model import FRONTENDS, ServiceType

MANY = 4
_OF_WORKSPACES = (*FRONTENDS, ServiceType.NODE)
_PARTS = {"app", "web", "client", "frontend", "server", "backend", "api", "agent", "bot", "ws", "worker"}


def is_collection(root: Path, services: list[Candidate]) -> bool:
    """Whether many servers want one port or one name: a stack's would get in each other's way.

    Pages do not count by their port, which is a flag; nor does what a compose file or a Procfile starts together,
    or a workspace holds together.
    """
    held = (ServiceType.COMPOSE, *(_OF_WORKSPACES if package.is_workspace(root) else ()))
    alone = [one for one in services if one.kind not in held and not one.aliases and not one.from_procfile]
    ports = Counter(one.port or one.default_port for one in alone if not one.is_frontend)
    del ports[None]
    folders = Counter(folder.name for folder in {one.folder for one in alone})
    return max((*ports.values(), *folders.values()), default=0) >= MANY


def folders(root: Path, services: list[Candidate]) -> list[Path]:
    """The projects' folders relative to `root`; a part (`client`, `server`) stands for the folder around it."""
    found = {one.folder.parent if one.folder.name in _PARTS else one.folder for one in services}
    outer = [folder for folder in found if not found.intersection(folder.parents)]
    return sorted(folder.relative_to(root) for folder in (outer if root not in found else found - {root}))
