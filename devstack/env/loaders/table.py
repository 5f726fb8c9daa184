"""From a pin to the loader: the explicit list of everything that is modelled."""

from __future__ import annotations

from devstack.env.loaders.compose import Compose
from devstack.env.loaders.dotenv import Dotenv, DotenvExpand
from devstack.env.loaders.honcho import Honcho
from devstack.env.loaders.next import Next
from devstack.env.loaders.node import Node
from devstack.env.loaders.nothing import Nothing
from devstack.env.loaders.pydantic import Pydantic
from devstack.env.loaders.python_dotenv import PythonDotenv
from devstack.env.loaders.shell import Shell
from devstack.env.loaders.vite import Vite
from devstack.env.model import Loader


def loader(pin: str) -> Loader:
    """The loader of a pin such as `vite@8+node@22`; without a version the newest modelled one.

    Raises:
        KeyError: no such kind; `stack.loaders` rejects it long before.
    """
    first, _, second = pin.partition("+")
    kind, _, version = first.partition("@")
    if kind == "vite":
        return Vite(version=int(version or 8), node=int(second.partition("@")[2] or 24))
    if kind == "next":
        return Next(version=version or "16")
    if kind == "dotenv":
        return Dotenv(version=int(version or 18))
    if kind == "dotenv-expand":
        return DotenvExpand(version=int(version or 1000))
    if kind == "node":
        return Node(version=int(version or 24))
    if kind == "python-dotenv":
        return PythonDotenv(version=version or "1.2")
    return _WITHOUT_VERSIONS[kind]


_WITHOUT_VERSIONS: dict[str, Loader] = {
    "compose": Compose(),
    "honcho": Honcho(),
    "none": Nothing(),
    "pydantic": Pydantic(),
    "shell": Shell(),
}
