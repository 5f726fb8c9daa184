"""Dependency order, closures and cycles.

Only `depends_on` makes start order. A `[[links]]` entry says which address a variable must hold; it adds no
edge, because an address often points both ways (a page's socket URL, a backend's callback URL) and an edge of
its own would close cycles. A link that nobody waits for is reported by the rule `link-without-dependency`
instead, unless it says `wait = false`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from devstack.errors import UsageError
from devstack.stack.model import Stack

Edges = Mapping[str, Iterable[str]]


def edges(stack: Stack) -> dict[str, tuple[str, ...]]:
    """Service → the services it depends on, as declared."""
    return {
        name: tuple(one.service for one in service.depends_on) for name, service in stack.services.items()
    }


def order(stack: Stack, names: Iterable[str] | None = None) -> tuple[tuple[str, ...], ...]:
    """Layers: everything in a layer depends only on earlier ones. `names` limits it."""
    wanted = set(stack.services if names is None else names)
    waiting = {name: wanted & set(needs) for name, needs in edges(stack).items() if name in wanted}
    layers: list[tuple[str, ...]] = []
    done: set[str] = set()
    while waiting:
        layer = tuple(name for name, needs in waiting.items() if needs <= done)
        if not layer:
            raise ValueError("a cycle: " + " -> ".join(find_cycle(waiting) or ()))
        layers.append(layer)
        done.update(layer)
        for name in layer:
            del waiting[name]
    return tuple(layers)


def closure(stack: Stack, names: Iterable[str]) -> frozenset[str]:
    """`names` and everything they need, directly or not."""
    return reach(edges(stack), names)


def needed_by(stack: Stack) -> dict[str, list[str]]:
    """Service → the services that depend on it, as declared."""
    reverse: dict[str, list[str]] = {}
    for service, needs in edges(stack).items():
        for need in needs:
            reverse.setdefault(need, []).append(service)
    return reverse


def select(
    stack: Stack,
    names: Iterable[str] = (),
    *,
    profiles: Iterable[str] = (),
    without: Iterable[str] = (),
) -> tuple[str, ...]:
    """Which services a run has, in declared order.

    With names: those. Without: all that have no profile or one that is asked for. Then whatever these need,
    also when it belongs to a profile that was not asked for. `without` is left out at last: those that need
    it start as if it were there. Raises UsageError for a profile that nobody declares.
    """
    asked = set(profiles)
    for name in asked - {profile for service in stack.services.values() for profile in service.profiles}:
        raise UsageError(f"no service has the profile `{name}`", hint=_known_profiles(stack))
    chosen = list(names) or [
        name
        for name, service in stack.services.items()
        if not service.profiles or asked & set(service.profiles)
    ]
    wanted = closure(stack, chosen) - set(without)
    return tuple(name for name in stack.services if name in wanted)


def _known_profiles(stack: Stack) -> str:
    return f"profiles: {', '.join(profiles(stack)) or 'none declared'}"


def profiles(stack: Stack) -> tuple[str, ...]:
    """Every profile that some service declares, sorted."""
    return tuple(sorted({profile for service in stack.services.values() for profile in service.profiles}))


def find_cycle(needs: Edges) -> tuple[str, ...] | None:
    """The first cycle as a path that ends where it began (`a, b, a`), or None."""
    finished: set[str] = set()
    for start in needs:
        found = _cycle_from(needs, start, finished)
        if found is not None:
            return found
    return None


def _cycle_from(needs: Edges, start: str, finished: set[str]) -> tuple[str, ...] | None:
    """Depth first without recursion: a file may declare a chain of any length."""
    path = [start] if start not in finished else []
    branches: list[Iterator[str]] = [iter(needs.get(start, ()))] if path else []
    while branches:
        name = next(branches[-1], None)
        if name is None:
            branches.pop()
            finished.add(path.pop())
        elif name in path:
            return (*path[path.index(name) :], name)
        elif name not in finished:
            path.append(name)
            branches.append(iter(needs.get(name, ())))
    return None


def reach(needs: Edges, names: Iterable[str]) -> frozenset[str]:
    """`names` and everything that the edges lead to from them."""
    reached: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(needs.get(name, ()))
    return frozenset(reached)
