"""A shared value written over a key of a document, whatever way it is written there now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.contract import written
from devstack.contract.draft import Draft
from devstack.env.files import Files
from devstack.env.resolve import resolve
from devstack.errors import RefusedError
from devstack.foreign import from_yaml
from devstack.stack import load

Tree = Callable[[Mapping[str, str | bytes]], Path]

STACK = """
[services.ws]
type = "python"
command = "python main.py"

[shared.key]
members = ["ws:KEY", "file:livekit.yaml#keys.devkey"]
"""
NEW = 'a "new" value'


def rewritten(root: Path, value: str) -> str:
    """livekit.yaml with the shared value in it."""
    stack, files = load.load(root / "stack.toml"), Files(root)
    draft = Draft(stack, resolve(stack, process={}, files=files), files)
    found = draft.effective(stack.shared["key"].members[1])
    written.write(draft, found, root / "livekit.yaml", value)
    assert draft.effective(found.member).text == value
    return (draft.content(root / "livekit.yaml") or b"").decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("keys:\n  devkey: old\nport: 1\n", 'keys:\n  devkey: "a \\"new\\" value"\nport: 1\n'),
        ("keys:\n  devkey: |\n    old\n\nport: 1\n", 'keys:\n  devkey: "a \\"new\\" value"\n\nport: 1\n'),
        (
            "keys:\n  devkey: >- # folded\n    old\n\n    one\n  other: x\n",
            'keys:\n  devkey: "a \\"new\\" value" # folded\n  other: x\n',
        ),
        ("keys:\n  devkey: |2-\n      old\n", 'keys:\n  devkey: "a \\"new\\" value"\n'),
        ("\fport: 1\nkeys:\n  devkey: |\n    old", None),
    ],
)
def test_a_key_of_a_yaml_file_gets_the_value(tree: Tree, before: str, after: str | None) -> None:
    root = tree({"stack.toml": STACK, "livekit.yaml": before})
    if after is None:
        with pytest.raises(RefusedError):  # a form feed: no YAML
            rewritten(root, NEW)
        return
    assert rewritten(root, NEW) == after
    known = from_yaml(before)
    assert isinstance(known, dict)
    assert from_yaml(after) == {**known, "keys": {**known["keys"], "devkey": NEW}}


def test_line_ends_stay_as_they_are(tree: Tree) -> None:
    root = tree({"stack.toml": STACK, "livekit.yaml": "keys:\r\n  devkey: |\r\n    old\r\nport: 1\r\n"})
    assert rewritten(root, "new") == 'keys:\r\n  devkey: "new"\r\nport: 1\r\n'
