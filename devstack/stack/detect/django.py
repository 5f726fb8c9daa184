"""Django projects whose WebSockets Channels serves."""

from __future__ import annotations

import re
from pathlib import Path

from devstack.records import dataclass
from devstack.stack.detect import modules
from devstack.stack.detect.tree import Tree

_ROUTE = re.compile(r"""\b(?:re_)?path\(\s*r?['"]\^?/?([\w/-]+)[^'"]*['"]\s*,\s*[\w.]+\.as_asgi\(""")
_INSTALLED = re.compile(r"""['"]daphne['"]""")
_LISTS = ("requirements.txt", "pyproject.toml", "Pipfile")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """What serves the sockets of a project.

    Attributes:
        path: of the first route, or None.
        command: what has to run in place of `manage.py runserver`, without its port; "" where that serves them too.
    """

    path: str | None
    command: str


def channels(tree: Tree, folder: Path) -> Channels | None:
    """None where the project serves no sockets."""
    files = tree.below(folder, (".py",))
    asgi = next((path for path in files if path.name == "asgi.py" and "channels" in tree.text(path)), None)
    if asgi is None:
        return None
    routes = (_ROUTE.search(tree.text(path)) for path in files)
    route = next((found for found in routes if found is not None), None)
    is_installed = any(_INSTALLED.search(tree.text(path)) for path in files if "settings" in str(path))
    application = f"{modules.dotted(asgi.relative_to(folder))}:application"
    needed = " ".join(tree.text(folder / name) for name in _LISTS)
    known = (("uvicorn", f"uvicorn {application} --port"), ("daphne", f"daphne {application} -p"))
    command = "" if is_installed else next((text for name, text in known if name in needed), "")
    return Channels(path=None if route is None else f"/{route[1]}", command=command)
