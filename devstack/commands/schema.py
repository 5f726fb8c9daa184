"""`devstack schema`: the JSON Schema of stack.toml, or a check of the file."""

from __future__ import annotations

import json
from pathlib import Path

from devstack.errors import ExitCode


def schema() -> int:
    """Print the JSON Schema."""
    from devstack.stack.jsonschema import json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
    return int(ExitCode.OK)


def check(folder: Path) -> int:
    """Load stack.toml and say that it is right; every mistake is an error with its line."""
    from devstack.stack.load import find, load, shown

    path = find(folder)
    stack = load(path)
    count = len(stack.services)
    print(f"{shown(path)} is right: {count} service{'s' if count != 1 else ''}")
    return int(ExitCode.OK)
