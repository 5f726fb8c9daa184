"""The examples in the documents are stack files that load."""

from __future__ import annotations

import re

import pytest

from devstack.stack.load import load_text
from tests.conftest import ROOT

BLOCK = re.compile(r"```toml\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/stack.md"])
def test_the_first_stack_toml_of_a_page_is_right(page: str) -> None:
    text = BLOCK.search((ROOT / page).read_text())
    assert text is not None
    stack, problems = load_text(ROOT / "stack.toml", text[1], None)
    assert problems == ()
    assert stack is not None and {"web", "ws"} <= set(stack.services)
