"""Hypothesis strategies for stacks of the fold: acyclic graphs of services with mixed policies."""

from __future__ import annotations

from hypothesis import strategies as st

from devstack.run.state import Condition, Kind, Need, RestartMode, Spec

NAMES = ("a", "b", "c", "d", "e")


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Spec, ...]:
    """One to five services; each may need earlier ones."""
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    found: list[Spec] = []
    for index, name in enumerate(names):
        needed = draw(st.lists(st.sampled_from(names[:index]), unique=True, max_size=3)) if index else []
        oneshot = draw(st.booleans()) and draw(st.booleans())
        found.append(
            Spec(
                name=name,
                kind=draw(st.sampled_from((Kind.PROCESS, Kind.PROCESS, Kind.PROCESS, Kind.EXTERNAL))),
                needs=tuple(Need(service=one, condition=draw(st.sampled_from(Condition))) for one in needed),
                gate=draw(st.booleans()),
                oneshot=oneshot,
                optional=draw(st.booleans()) and draw(st.booleans()),
                restart=draw(st.sampled_from(RestartMode)),
                restart_limit=draw(st.integers(0, 2)),
            )
        )
    return tuple(found)
