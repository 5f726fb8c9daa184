"""The editor: what it keeps, what it refuses, and that every program reads what was written."""

from __future__ import annotations

import io
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import dotenv
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from devstack.env.edit import Edit, FileChange, apply, plan, set_value, write
from devstack.env.files_out import current
from devstack.env.readers import FileReader
from devstack.errors import RefusedError, SystemProblem

PINS = (
    "next@16",
    "vite@8+node@22",
    "vite@7",
    "vite@5",
    "dotenv@17",
    "node@20",
    "node@22",
    "python-dotenv@1.2",
    "python-dotenv@1.1",
)
Tree = Callable[[Mapping[str, str | bytes]], Path]


def readers(*pins: str) -> list[FileReader]:
    return [FileReader(name=pin, pin=pin, path=Path("/x/.env"), mode="development") for pin in pins]


def changed(text: str, name: str, value: str, *pins: str) -> str:
    return set_value(text.encode(), name, value, readers(*(pins or PINS))).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("A=old\n", "A=new\n", id="bare"),
        pytest.param('A="old"\n', 'A="new"\n', id="double quotes stay"),
        pytest.param("A='old'\n", "A='new'\n", id="single quotes stay"),
        pytest.param("export A=old\n", "export A=new\n", id="export stays"),
        pytest.param(
            "# top\nA=old # why\n\nB=2\n", "# top\nA=new # why\n\nB=2\n", id="comments and order stay"
        ),
        pytest.param("A=old\r\nB=2\r\n", "A=new\r\nB=2\r\n", id="line endings stay"),
        pytest.param("B=2\nA=old", "B=2\nA=new", id="a missing final newline stays missing"),
        pytest.param("A=\n", "A=new\n", id="empty"),
        pytest.param("A=1\nA=2\n", "A=1\nA=new\n", id="the last definition, which wins"),
        pytest.param("A=1\nA\n", "A=1\nA=new\n", id="a name alone below, which unsets it for some"),
        pytest.param("B=2\n", "B=2\nA=new\n", id="a missing name comes last"),
        pytest.param("B=2", "B=2\nA=new", id="appended to an unfinished line"),
        pytest.param("B=2\r\n", "B=2\r\nA=new\r\n", id="appended with the file's line ending"),
        pytest.param("# A=example\nB=2\n", "# A=example\nA=new\nB=2\n", id="below its own documentation"),
        pytest.param("", "A=new\n", id="into an empty file"),
    ],
)
def test_only_the_value_changes(before: str, after: str) -> None:
    assert changed(before, "A", "new") == after


def test_a_byte_order_mark_is_neither_added_nor_removed() -> None:
    before = b"\xef\xbb\xbfB=1\nA=old\n"

    assert (
        set_value(before, "A", "new", readers("next@16", "python-dotenv@1.2")) == b"\xef\xbb\xbfB=1\nA=new\n"
    )


def test_a_name_inside_a_quoted_text_of_several_lines_is_not_taken_for_a_definition() -> None:
    text = 'KEY="-----BEGIN-----\nA=inside\n-----END-----"\nA=old\n'

    assert changed(text, "A", "new") == text.replace("A=old", "A=new")


def test_a_value_of_several_lines_is_replaced_whole() -> None:
    assert changed('KEY="one\ntwo"\nB=2\n', "KEY", "short") == 'KEY="short"\nB=2\n'


def test_a_hash_is_quoted_where_a_reader_would_cut_it() -> None:
    assert changed("A=old\n", "A", "abc#def") == 'A="abc#def"\n'


def test_quotes_change_when_the_present_ones_cannot_hold_the_value() -> None:
    assert changed("A='old'\n", "A", "it's") == 'A="it\'s"\n'


def test_a_dollar_is_escaped_where_only_expanding_programs_read_the_file() -> None:
    written = changed("A=old\n", "A", "pa$word", "next@16")

    assert readers("next@16")[0].read(written.encode())["A"].text == "pa$word"


def test_a_value_without_common_spelling_is_refused_and_names_who_differs() -> None:
    with pytest.raises(RefusedError) as refused:
        changed("A=old\n", "A", "pa$word", "next@16", "python-dotenv@1.2")

    assert "next@16" in refused.value.message
    assert "pa$word" not in refused.value.message + (refused.value.hint or "")


def test_a_value_that_others_refer_to_may_change_them() -> None:
    assert changed("HOST=a\nURL=ws://${HOST}/\n", "HOST", "b", "next@16") == "HOST=b\nURL=ws://${HOST}/\n"


def test_a_file_in_utf16_is_left_alone() -> None:
    with pytest.raises(RefusedError, match="not UTF-8"):
        set_value("A=1\n".encode("utf-16"), "A", "new", readers("next@16"))


def test_an_impossible_name_is_refused() -> None:
    with pytest.raises(RefusedError):
        changed("", "A B", "x")


TOKEN = st.text(alphabet="abcXYZ019_-", min_size=1, max_size=12)
LINES = st.one_of(
    st.builds("{}={}".format, st.sampled_from("BCD"), TOKEN),
    st.builds('{}="{}"'.format, st.sampled_from("BCDA"), TOKEN),
    st.builds("A={}".format, TOKEN),
    st.builds("A='{}' # note".format, TOKEN),
    st.builds("# {}".format, TOKEN),
    st.sampled_from(
        ["", "export A=1", "# A=doc", 'M="x\nA=y\nz"', "A: yaml", "junk", "A", 'U="open', "  A = spaced"]
    ),
)


@given(
    st.lists(LINES, max_size=8),
    st.text(alphabet=st.sampled_from("ab01 #$'\"\\`=\n{}é:/"), max_size=12),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
@settings(max_examples=250, deadline=None)
@example(["A=1 # note"], "x y", "\n", True)
def test_what_is_written_is_read_by_every_program_and_nothing_else_changes(
    lines: list[str], value: str, ending: str, closed: bool
) -> None:
    before = (
        ending.join(lines).replace("\r\n", "\n").replace("\n", ending) + (ending if closed else "")
    ).encode()
    programs = readers("next@16", "vite@7", "dotenv@17", "node@22", "python-dotenv@1.2")
    try:
        after = set_value(before, "A", value, programs)
    except RefusedError:
        assume(False)
    for program in programs:
        old, new = program.read(before), program.read(after)
        assert new["A"].text == value
        assert {k: v.text for k, v in old.items() if k != "A"} == {
            k: v.text for k, v in new.items() if k != "A"
        }
    assert dotenv.dotenv_values(stream=io.StringIO(after.decode("utf-8-sig"), newline=""))["A"] == value


@given(st.lists(LINES, max_size=8), TOKEN)
@settings(max_examples=150, deadline=None)
def test_setting_the_same_value_twice_changes_nothing_more(lines: list[str], value: str) -> None:
    before = "\n".join(lines).encode()
    programs = readers("next@16", "python-dotenv@1.2")
    try:
        once = set_value(before, "A", value, programs)
    except RefusedError:
        assume(False)

    assert set_value(once, "A", value, programs) == once


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzABCXYZ0123456789_-", min_size=1, max_size=64))
@settings(max_examples=60, deadline=None)
def test_a_generated_secret_can_always_be_written(value: str) -> None:
    assert changed("B=2\n", "A", value) == f"B=2\nA={value}\n"


def test_mode_and_link_survive(tree: Tree) -> None:
    root = tree({"real/.env": "A=old\n"})
    (root / "real/.env").chmod(0o640)
    (root / ".env").symlink_to("real/.env")

    apply([Edit(kind="set", path=".env", variable="A", value="new")], root)

    assert (root / ".env").is_symlink()
    assert (root / "real/.env").read_text() == "A=new\n"
    assert stat.S_IMODE((root / "real/.env").stat().st_mode) == 0o640
    assert sorted(path.name for path in (root / "real").iterdir()) == [".env"]


def test_a_new_file_is_private(tree: Tree) -> None:
    root = tree({})

    apply([Edit(kind="set", path=".env", variable="A", value="new")], root)

    assert stat.S_IMODE((root / ".env").stat().st_mode) == 0o600


def test_a_file_that_changed_meanwhile_is_left_alone(tree: Tree) -> None:
    root = tree({".env": "A=old\n"})
    changes = plan([Edit(kind="set", path=".env", variable="A", value="new")], root)
    (root / ".env").write_text("A=other\n")

    with pytest.raises(RefusedError, match="changed since"):
        write(changes)

    assert (root / ".env").read_text() == "A=other\n"


def test_nothing_is_written_when_one_of_several_files_cannot_be(tree: Tree) -> None:
    root = tree({"a/.env": "A=old\n", "b/.env": "A=old\n"})
    (root / "b/.env").chmod(0o444)

    with pytest.raises(RefusedError, match="read-only"):
        apply([Edit(kind="set", path=f"{name}/.env", variable="A", value="new") for name in "ab"], root)

    assert (root / "a/.env").read_text() == "A=old\n"


def test_a_folder_is_refused(tree: Tree) -> None:
    root = tree({".env/x": ""})

    with pytest.raises(RefusedError, match="folder"):
        current(root / ".env")


def test_a_missing_folder_is_one_clear_error(tree: Tree) -> None:
    root = tree({})

    with pytest.raises(SystemProblem, match="does not exist"):
        apply([Edit(kind="set", path="agent/.env", variable="A", value="x")], root)


def test_a_circle_of_links_is_one_clear_error(tree: Tree) -> None:
    root = tree({})
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")

    with pytest.raises(SystemProblem):
        apply([Edit(kind="set", path="a", variable="A", value="x")], root)


def test_several_edits_of_one_file_become_one_change(tree: Tree) -> None:
    root = tree({".env": "A=1\nB=2\nC=3\n"})
    edits = [
        Edit(kind="remove-line", path=".env", variable="A", line=1),
        Edit(kind="set", path=".env", variable="C", value="9"),
        Edit(kind="remove-line", path=".env", variable="B", line=2),
        Edit(kind="append-line", path=".env", value="D=4"),
    ]

    (change,) = apply(edits, root)

    assert (root / ".env").read_text() == "C=9\nD=4\n"
    assert change.before == b"A=1\nB=2\nC=3\n"


def test_removing_a_line_that_is_no_longer_there_is_refused(tree: Tree) -> None:
    root = tree({".env": "B=2\n"})

    with pytest.raises(SystemProblem, match="line 1"):
        apply([Edit(kind="remove-line", path=".env", variable="A", line=1)], root)


def test_permissions_alone_can_be_changed(tree: Tree) -> None:
    root = tree({".env": "A=1\n"})

    apply([Edit(kind="chmod", path=".env", value="600")], root)

    assert stat.S_IMODE((root / ".env").stat().st_mode) == 0o600


def test_an_existing_file_is_not_created_again(tree: Tree) -> None:
    root = tree({".env": "A=1\n"})

    with pytest.raises(RefusedError, match="exists"):
        apply([Edit(kind="create", path=".env", value="")], root)


def test_a_change_shows_no_content() -> None:
    assert "s3cret" not in repr(FileChange(path=Path("/x/.env"), before=b"A=s3cret", after=b"A=s3cret2"))
