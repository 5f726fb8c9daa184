"""Lines of keys: the value of every leaf is the line it stands on, so that the parsed data is the oracle."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from devstack.stack.positions import Path, index

KEYS = ["a", "b-1", "c_2", '"d e"', "'f.g'", '"h\\u00e9"', "9"]
FILLERS = ["", "# c = 1", "   ", "\t# [x]", '#"""']


class Writer:
    """Writes lines and knows which line comes next."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.serial = 0

    @property
    def line(self) -> int:
        return self.text.count("\n") + 1

    def key(self) -> str:
        """A key that was not used before, in any spelling."""
        self.serial += 1
        shape = self.draw(st.sampled_from(KEYS))
        end = -1 if shape[-1] in "\"'" else len(shape)
        return f"{shape[:end]}{self.serial}{shape[end:]}"

    def value(self, depth: int = 0) -> None:
        kind = self.draw(
            st.sampled_from(["line", "line", "array", "table", "text"] if depth < 3 else ["line"])
        )
        match kind:
            case "array":
                self.array(depth)
            case "table":
                self.text += "{ "
                for number in range(self.draw(st.integers(0, 2))):
                    self.text += ", " if number else ""
                    self.assign(depth + 1)
                self.text += " }"
            case "text":
                self.filler_text()
            case _:
                self.text += str(self.line)

    def array(self, depth: int) -> None:
        self.text += "["
        for _ in range(self.draw(st.integers(0, 3))):
            self.text += self.draw(st.sampled_from(["", "\n", " # ]\n  ", "\n\n"]))
            self.value(depth + 1)
            self.text += self.draw(st.sampled_from([",", " ,\n", ", # x\n"]))
        self.text += self.draw(st.sampled_from(["]", "\n]"]))

    def filler_text(self) -> None:
        """Strings of each kind, with what looks like TOML inside."""
        self.text += self.draw(
            st.sampled_from(
                [
                    '"x = 1 # no \\" ]"',
                    "'[t] \\'",
                    '"""\n[t]\nx = 1 \\" ""\\\n  """',
                    "'''\na = 1\n''x'''",
                    '"""q"""""',
                    '""',
                    "''",
                    "1979-05-27 07:32:00Z",
                    "0x_ff".replace("_", ""),
                    "inf",
                    "true",
                ]
            )
        )

    def assign(self, depth: int = 0) -> None:
        dotted = [self.key() for _ in range(self.draw(st.integers(1, 3)))]
        self.text += self.draw(st.sampled_from([".", " . "])).join(dotted)
        self.text += self.draw(st.sampled_from([" = ", "=", "\t=  "]))
        self.value(depth)

    def body(self) -> None:
        for _ in range(self.draw(st.integers(0, 3))):
            self.text += self.draw(st.sampled_from(FILLERS)) + "\n"
            self.assign()
            self.text += "\n"


@st.composite
def documents(draw: st.DrawFn) -> str:
    writer = Writer(draw)
    writer.body()
    for _ in range(draw(st.integers(0, 3))):
        header = f"{writer.key()}.{writer.key()}"
        if draw(st.booleans()):
            writer.text += f"[ {header} ]\n"
            writer.body()
        else:
            for _ in range(draw(st.integers(1, 3))):
                writer.text += f"[[{header}]] # again\n"
                writer.body()
                writer.text += f"[{header}.{writer.key()}]\n"
                writer.body()
    return writer.text


def leaves(data: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from leaves(value, (*path, number))
    else:
        yield path, data


@given(documents(), st.booleans())
def test_every_leaf_is_found_on_its_line(text: str, windows: bool) -> None:
    lines = index(text.replace("\n", "\r\n") if windows else text)

    for path, value in leaves(tomllib.loads(text)):
        assert path in lines
        if type(value) is int and value != 255:
            # inside a dotted or inline key the value may begin on a later line than the key only in arrays
            assert lines[path] == value


def test_tables_and_items_have_the_line_of_their_header() -> None:
    text = "[a.b]\nx = 1\n\n[[links]]\n\n[[links]]\ny = [\n  1,\n  { z = 2 },\n]\n"

    lines = index(text)

    assert lines["a",] == 1
    assert lines["a", "b"] == 1
    assert lines["links", 0] == 4
    assert lines["links", 1] == 6
    assert lines["links", 1, "y"] == 7
    assert lines["links", 1, "y", 0] == 8
    assert lines["links", 1, "y", 1, "z"] == 9
