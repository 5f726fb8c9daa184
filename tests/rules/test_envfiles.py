"""Lines of env files: the short way through a plain file finds what the long one finds."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from devstack.rules.envfiles import EnvFile

PLAIN = st.sampled_from(["A=1", "B_2=x=y", "A=", "", "# NAME=1", "#", "_c=a:b", "export=1"])
OTHER = "ODD = 'y'"


@given(lines=st.lists(PLAIN, max_size=8), end=st.sampled_from(["\n", "\r\n"]), ends=st.booleans())
def test_a_plain_file_is_read_as_any_other(lines: list[str], end: str, ends: bool) -> None:
    text = end.join([*lines, ""]) if ends else end.join(lines)
    plain = EnvFile(Path(".env"), text.encode())
    other = EnvFile(Path(".env"), (text + ("" if ends or not lines else end) + OTHER).encode())
    assert plain.is_plain and not other.is_plain
    assert plain.assignments == other.assignments[:-1]
    for each in plain.assignments:
        assert plain.written(each.line, each.name) == other.written(each.line, each.name) == each.raw
        assert plain.written(each.line, "ELSE") is None
    assert plain.written(None, "A") is None
