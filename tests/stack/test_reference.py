"""References, members, addresses and durations: what is written reads back, everything else says why not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack import durations
from devstack.stack import reference
from devstack.stack.model import FileKey, HostPortReference, LiteralValue, Reference

SERVICES = st.from_regex(r"[a-z][a-z0-9_-]{0,39}", fullmatch=True).filter(lambda name: name != "file")
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
PARSERS = [
    reference.reference,
    reference.source,
    reference.member,
    reference.address,
    reference.compose_target,
    reference.link_target,
    durations.parse,
]


@given(SERVICES, st.lists(NAMES, min_size=1, max_size=4, unique=True), st.data())
def test_a_chain_reads_back_with_each_operator(service: str, names: list[str], data: st.DataObject) -> None:
    operators = [data.draw(st.sampled_from("|?")) for _ in names[1:]]
    part = data.draw(st.sampled_from([None, *reference.URL_PARTS]))
    text = f"{service}:{names[0]}" + "".join(f"{o}{n}" for o, n in zip(operators, names[1:], strict=True))
    text += f"#{part}" if part else ""

    found = reference.reference(text)

    assert found == Reference(
        service=service,
        names=tuple(names),
        empty_falls_through=tuple(operator == "|" for operator in operators),
        part=part,  # type: ignore[arg-type]
        text=text,
    )
    assert reference.member(text) == found


@given(st.sampled_from(PARSERS), st.text(max_size=30))
def test_any_text_is_read_or_refused_with_a_sentence(parser: object, text: str) -> None:
    try:
        parser(text)  # type: ignore[operator]
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize(
    "text", ["", "web", "web:", ":A", "Web:A", "web:1A", "web:A|", "web:A||B", "web:A|A"]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"reference|twice"):
        reference.reference(text)


def test_members_of_other_kinds() -> None:
    assert reference.member("=a:b") == LiteralValue(value="a:b", text="=…")
    assert reference.member("file:x/y.yaml#a.b") == FileKey(
        path="x/y.yaml", key=("a", "b"), text="file:x/y.yaml#a.b"
    )
    assert reference.source("api:H+P") == HostPortReference(
        service="api", host_name="H", port_name="P", text="api:H+P"
    )
    assert reference.address("localhost:7880") == LiteralValue(value="localhost:7880", text="localhost:7880")
    assert reference.address("wss://a.b/c") == LiteralValue(value="wss://a.b/c", text="wss://a.b/c")
    assert isinstance(reference.address("server:LIVEKIT_URL"), Reference)


@given(
    st.lists(st.tuples(st.integers(0, 999), st.sampled_from(["ms", "s", "m", "h"])), min_size=1, max_size=3)
)
def test_durations_add_up(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{number}{unit}" for number, unit in parts)

    assert durations.parse(text) == pytest.approx(sum(n * durations.SECONDS[unit] for n, unit in parts))


@given(st.integers(0, 10_000_000))
def test_a_shown_duration_reads_back(milliseconds: int) -> None:
    seconds = milliseconds / 1000

    assert durations.parse(durations.show(seconds)) == pytest.approx(seconds, rel=1e-3)


@pytest.mark.parametrize("text", ["5", "1.5", "", "s", "1 s", "-1s", "1d", "5S", "1e3s", "9999999999h", "٣s"])
def test_a_bare_number_or_a_strange_unit_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"unit|not a duration|longer than a year"):
        durations.parse(text)
