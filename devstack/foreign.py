"""Documents from somebody who need not wish us well: reading them fails in one way, whatever they hold."""

from __future__ import annotations

import re

_TEXT = r'("(?:\\.|[^"\\])*")'


def from_json(text: str | bytes) -> object:
    """The value, or None where it is no JSON; also where it is nested so deeply that reading it fails."""
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def from_commented_json(text: str) -> object:
    """As `from_json`, with the comments and trailing commas of tsconfig.json and turbo.json."""
    plain = re.sub(_TEXT + r"|//[^\n]*|/\*.*?\*/", r"\1", text, flags=re.DOTALL)
    return from_json(re.sub(_TEXT + r"|,(?=\s*[}\]])", r"\1", plain))


def from_toml(text: str | None) -> dict[str, object]:
    """The document; an empty one where it is no TOML, or where there is none."""
    if not text:
        return {}
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def from_yaml(text: str) -> object:
    """The first document. Raises ValueError where it is none."""
    import yaml

    try:
        return yaml.safe_load(text)
    except Exception as problem:
        # Odd tags and numbers make PyYAML raise LookupError, AttributeError, RecursionError.
        raise ValueError("not valid YAML") from problem
