"""Bun and uv, whose programs are too large to be installed with the tests: against what they were recorded to do.

Recorded with Bun 1.2.23, 1.3.14, 1.4.0 and 1.4.5, and with uv 0.8.24 and 0.13.8.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from devstack.env.loaders.table import loader
from devstack.env.model import Loaded, LoadRequest
from tests.env.loaders.grammar import Case
from tests.env.loaders.programs import FOLDER, ours


def _data(name: str) -> Any:
    path = Path(__file__).parents[2] / "corpus" / f"{name}_cases.json"
    return json.loads(path.read_text(encoding="utf-8"))


CORPUS: dict[str, Any] = {case["id"]: case for case in _data("env")}
RECORDED = {"bun": _data("bun"), "uv": _data("uv")}
# Pin: under which name its outcome is recorded where versions differ.
PINS = {"bun@1.2": "1.3", "bun@1.3": "1.3", "bun@1.4": "1.4", "uv@0.11": "0.11", "uv@0.12": "0.12"}


class _Bytes:
    """Files that exist only here."""

    def __init__(self, files: dict[Path, bytes]) -> None:
        self._files = files

    def read(self, path: Path) -> bytes | None:
        return self._files.get(path)


def _seen(made: Loaded, process: dict[str, str]) -> dict[str, str | None] | None:
    """The environment of the program; None where it does not start."""
    if any(issue.fatal for issue in made.issues):
        return None
    return {**process, **{name: value.text for name, value in made.variables.items()}}


def _loaded(pin: str, case: dict[str, Any]) -> Loaded:
    files = {FOLDER / name: text.encode() for name, text in case["files"].items()}
    files |= {FOLDER / name: base64.b64decode(text) for name, text in case.get("files_b64", {}).items()}
    process, folder = case["process_env"], FOLDER / case["dir"]
    request = LoadRequest(folder=folder, mode=case["mode"], process=process, reader=_Bytes(files))
    return loader(pin).load(request)


@pytest.mark.parametrize("pin", PINS)
def test_every_recorded_case_is_read_as_the_program_read_it(pin: str) -> None:
    wrong = []
    for name, said in RECORDED[pin.partition("@")[0]]["corpus"].items():
        found = _seen(_loaded(pin, CORPUS[name]), CORPUS[name]["process_env"])
        if found != (said["both"] if "both" in said else said[PINS[pin]]):
            wrong.append((name, found))
    assert not wrong


@pytest.mark.parametrize("pin", PINS)
def test_every_generated_case_is_read_as_the_program_read_it(pin: str) -> None:
    wrong = []
    for said in RECORDED[pin.partition("@")[0]]["generated"]:
        case = Case(files=said["files"], process=said.get("process", {}), listed=pin.startswith("uv"))
        found = _seen(ours(pin, case), case.process)
        if found != (said["both"] if "both" in said else said[PINS[pin]]):
            wrong.append((case, found))
    assert not wrong
