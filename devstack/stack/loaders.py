"""Names of env loaders and the versions that can be pinned: `next@16`, `vite@8+node@22`."""

from __future__ import annotations

import re

from devstack.nearest import did_you_mean

# Kind → versions that are modelled; empty = the kind takes no pin.
LOADER_KINDS: dict[str, tuple[str, ...]] = {
    "next": ("14", "15", "16"),
    "vite": ("5", "6", "7", "8"),
    "dotenv": ("16", "17", "18"),
    "dotenv-expand": ("11", "12", "13", "1000"),
    "node": ("20", "22", "24"),
    "bun": ("1.2", "1.3", "1.4"),
    "python-dotenv": ("1.1", "1.2"),
    "pydantic": (),
    "uv": ("0.11", "0.12"),
    "compose": (),
    "honcho": (),
    "shell": (),
    "none": (),
}

# A release before the last one of its line may read otherwise: `node@22.12`.
_NODE_RELEASE = re.compile(r"(?:2\d|[3-9]\d)\.\d{1,3}(?:\.\d{1,3})?")


def check_loader(text: str) -> str:
    """`text` when it names a loader and pins known versions; ValueError with a sentence otherwise."""
    first, *further = text.split("+")
    kind, _ = _check_pin(first)
    if further and not (kind == "vite" and len(further) == 1 and further[0].startswith(("node@", "bun@"))):
        raise ValueError(f'"{text}": only vite takes a second pin, as in "vite@8+node@22"')
    for pin in further:
        _check_pin(pin)
    return text


def _check_pin(text: str) -> tuple[str, str]:
    kind, at, version = text.partition("@")
    known = LOADER_KINDS.get(kind)
    if known is None:
        message = f'"{kind}" is not a loader: one of {", ".join(LOADER_KINDS)}'
        raise ValueError(message, did_you_mean(kind, LOADER_KINDS))
    if at and version not in known and not (kind == "node" and _NODE_RELEASE.fullmatch(version)):
        offer = f"pins: {', '.join(f'{kind}@{one}' for one in known)}" if known else "it takes no pin"
        raise ValueError(f'"{text}" is not modelled; {offer}')
    return kind, version
