"""From a pin to the loader: the explicit list of everything that is modelled."""

from __future__ import annotations

from functools import cache

from devstack.env.model import Loader


@cache
def loader(pin: str) -> Loader:
    """The loader of a pin such as `vite@8+node@22`; without a version the newest modelled one.

    A program is imported when a stack names it: most stacks name two or three.

    Raises:
        KeyError: no such kind; `stack.loaders` rejects it long before.
    """
    first, _, second = pin.partition("+")
    kind, _, version = first.partition("@")
    made = _of_node(kind, version, second)
    return made if made is not None else _of_others(kind, version)


def _of_node(kind: str, version: str, runtime: str) -> Loader | None:
    if kind == "vite":
        from devstack.env.loaders.vite import Vite

        return Vite(version=int(version or 8), runtime=runtime or "node@24")
    if kind == "next":
        from devstack.env.loaders.next import Next

        return Next(version=version or "16")
    if kind == "dotenv":
        from devstack.env.loaders.dotenv import Dotenv

        return Dotenv(version=int(version or 18))
    if kind == "dotenv-expand":
        from devstack.env.loaders.dotenv import DotenvExpand

        return DotenvExpand(version=int(version or 1000))
    if kind == "node":
        from devstack.env.loaders.node import Node

        return Node(version=version or "24")
    if kind == "bun":
        from devstack.env.loaders.bun import Bun

        return Bun(version=version or "1.4")
    return None


def _of_others(kind: str, version: str) -> Loader:
    if kind == "python-dotenv":
        from devstack.env.loaders.python_dotenv import PythonDotenv

        return PythonDotenv(version=version or "1.2")
    if kind == "compose":
        from devstack.env.loaders.compose import Compose

        return Compose()
    if kind == "uv":
        from devstack.env.loaders.uv import Uv

        return Uv(version=version or "0.12")
    if kind == "honcho":
        from devstack.env.loaders.honcho import Honcho

        return Honcho()
    if kind == "pydantic":
        from devstack.env.loaders.pydantic import Pydantic

        return Pydantic()
    if kind == "shell":
        from devstack.env.loaders.shell import Shell

        return Shell()
    if kind == "none":
        from devstack.env.loaders.nothing import Nothing

        return Nothing()
    raise KeyError(kind)
