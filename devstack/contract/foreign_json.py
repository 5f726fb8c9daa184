"""JSON from somebody who need not wish us well."""

from __future__ import annotations

import json


def parse(text: str | bytes) -> object:
    """The value, or None where it is no JSON; also where it is nested so deeply that reading it fails."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
