"""What is plainly right is read as tomllib reads it, and its keys stand where `positions` finds them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.stack import plain_toml, positions
from devstack.stack.plain import NotPlainError

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([ROOT / "stack.toml", *(ROOT / "templates").glob("*/stack.toml")])
PIECES = st.sampled_from(
    [
        *(
            "\n",
            "\n\n",
            " ",
            "\t",
            ".",
            ",",
            "=",
            " = ",
            "[",
            "]",
            "[[",
            "]]",
            "{",
            "}",
            '"',
            "'",
            "# c\n",
            "\\",
        ),
        *(
            "a",
            "b",
            "c-1",
            "a = 1\n",
            "b = 'x'\n",
            '"a"',
            '""',
            "''",
            "1",
            "-0",
            "01",
            "1_0",
            "1.5",
            "1e3",
            "true",
        ),
        *(
            "[a]\n",
            "[b]\n",
            "[a.b]\n",
            "[[a]]\n",
            "[[a.b]]\n",
            "[b.a]\n",
            "a.b = 1\n",
            "a = []\n",
            "a = {}\n",
        ),
        *(
            "b = { a = 1, c = [1, 2] }\n",
            "a = [\n  'x', # y\n  'z',\n]\n",
            "1979-05-27",
            "inf",
            '"\\n"',
            "é",
            "\x00",
        ),
    ]
)


def same(text: str) -> bool:
    """Whether it was taken over; then it must be the same."""
    try:
        data, lines = plain_toml.read(text)
    except NotPlainError:
        return False
    assert repr(data) == repr(tomllib.loads(text))
    assert lines == positions.index(text)
    return True


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_a_real_file_is_plain(path: Path) -> None:
    assert same(path.read_text(encoding="utf-8"))


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_what_is_taken_over_is_what_tomllib_and_positions_say(text: str) -> None:
    same(text)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_real_file_with_a_change_is_the_same_or_left_to_tomllib(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([path.read_text(encoding="utf-8") for path in FILES]))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    same(text[:start] + data.draw(PIECES) + text[end:])


@pytest.mark.parametrize(
    "text",
    [
        "a = 1\na = 2\n",
        "[a]\n[a]\n",
        "[a.b]\n[a]\n",
        "a = {}\n[a.b]\n",
        "a = []\n[[a]]\n",
        "[[a]]\n[a]\n",
        "[a]\n[[a]]\n",
        "a = [1 2]\n",
        "a = { b = 1, }\n",
        "a = 1 b = 2\n",
        "a = 01\n",
        'a = """b"""\n',
        "a = 'b\n",
        "a = [1,\n",
        "a = " + "[" * 5000 + "]" * 5000,
        "a.b = 1\n",
        '"a" = 1\n',
        "a = 1.5\n",
        "a = 1979-05-27\n",
        'a = "\\u00e9"\n',
        "a = 1\r\n",
        "# \x01\n",
    ],
)
def test_what_is_wrong_or_unusual_is_left_to_tomllib(text: str) -> None:
    assert not same(text)


def test_a_plain_file_does_not_import_tomllib(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text('[services.a]\ntype = "command"\ncommand = "true"\n')
    program = (
        "import sys, pathlib; from devstack.stack.load import load; load(pathlib.Path('stack.toml'));"
        "print('tomllib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
