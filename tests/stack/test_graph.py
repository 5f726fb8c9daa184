"""Order, closures, profiles and cycles."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.errors import UsageError
from devstack.stack import graph
from devstack.stack.model import Dependency, Service, ServiceType, Stack


def stack_of(needs: dict[str, list[str]], profiles: dict[str, tuple[str, ...]] | None = None) -> Stack:
    services = {
        name: Service(
            name=name,
            type=ServiceType.COMMAND,
            depends_on=tuple(Dependency(service=need) for need in wanted),
            profiles=(profiles or {}).get(name, ()),
        )
        for name, wanted in needs.items()
    }
    return Stack(name="x", path=Path("/x/stack.toml"), root=Path("/x"), services=services)


@given(st.dictionaries(st.integers(0, 12), st.sets(st.integers(0, 12)), max_size=12))
def test_a_graph_has_an_order_or_a_cycle_never_both(drawn: dict[int, set[int]]) -> None:
    needs = {f"s{n}": [f"s{m}" for m in sorted(wanted) if m in drawn] for n, wanted in drawn.items()}

    cycle = graph.find_cycle(needs)

    if cycle is not None:
        assert cycle[0] == cycle[-1]
        assert all(second in needs[first] for first, second in pairwise(cycle))
        return
    layers = graph.order(stack_of(needs))
    place = {name: number for number, layer in enumerate(layers) for name in layer}
    assert set(place) == set(needs)
    assert all(place[need] < place[name] for name, wanted in needs.items() for need in wanted)


def test_a_long_chain_is_no_problem() -> None:
    needs = {f"s{n}": [f"s{n + 1}"] if n < 5000 else [] for n in range(5001)}

    assert graph.find_cycle(needs) is None
    assert graph.find_cycle({**needs, "s5000": ["s0"]}) is not None


def test_names_bring_what_they_need_and_dependents_are_the_reverse() -> None:
    stack = stack_of({"db": [], "ws": ["db"], "web": ["ws"], "docs": []})

    assert graph.select(stack, ["ws"]) == ("db", "ws")
    assert graph.reach(graph.needed_by(stack), ["db"]) == {"db", "ws", "web"}
    assert graph.order(stack, ["db", "web"]) == (("db", "web"),)


def test_a_profile_is_started_when_asked_for_or_needed() -> None:
    stack = stack_of({"db": [], "ws": ["db"], "mail": []}, {"db": ("full",), "mail": ("full",)})

    assert graph.select(stack) == ("db", "ws")
    assert graph.select(stack, profiles=["full"]) == ("db", "ws", "mail")
    assert graph.select(stack, without=["db"]) == ("ws",)
    assert graph.profiles(stack) == ("full",)
    with pytest.raises(UsageError, match="no service has the profile `fulll`"):
        graph.select(stack, profiles=["fulll"])
