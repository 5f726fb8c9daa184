"""Bun's loader against what Bun 1.2.23, 1.3.14, 1.4.0 and 1.4.5 did: recorded, because the program has 100 MB.

`python -m tests.env.loaders.fuzz bun` compares with the real one.
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

_DATA = Path(__file__).parents[2] / "corpus"
RECORDED: dict[str, Any] = json.loads((_DATA / "bun_cases.json").read_text(encoding="utf-8"))
CORPUS = {case["id"]: case for case in json.loads((_DATA / "env_cases.json").read_text(encoding="utf-8"))}
PINS = ("bun@1.2", "bun@1.3", "bun@1.4")


def _recorded(case: dict[str, Any], pin: str) -> dict[str, str] | None:
    """What the process had in its environment; None where Bun crashed."""
    said = case["both"] if "both" in case else case["1.4" if pin == "bun@1.4" else "1.3"]
    assert said is None or isinstance(said, dict)
    return said


def _seen(made: Loaded, process: dict[str, str]) -> dict[str, str | None] | None:
    if any(issue.fatal for issue in made.issues):
        return None
    return {**process, **{name: value.text for name, value in made.variables.items()}}


class _Bytes:
    """Files that exist only here."""

    def __init__(self, files: dict[Path, bytes]) -> None:
        self._files = files

    def read(self, path: Path) -> bytes | None:
        return self._files.get(path)


@pytest.mark.parametrize("pin", PINS)
def test_every_recorded_case_is_read_as_bun_read_it(pin: str) -> None:
    wrong = []
    for name, said in RECORDED["corpus"].items():
        case = CORPUS[name]
        files = {FOLDER / file: text.encode() for file, text in case["files"].items()}
        files |= {FOLDER / file: base64.b64decode(text) for file, text in case.get("files_b64", {}).items()}
        process, folder = case["process_env"], FOLDER / case["dir"]
        request = LoadRequest(folder=folder, mode=case["mode"], process=process, reader=_Bytes(files))
        found = _seen(loader(pin).load(request), process)
        if found != _recorded(said, pin):
            wrong.append((name, found))
    assert not wrong


@pytest.mark.parametrize("pin", PINS)
def test_every_generated_case_is_read_as_bun_read_it(pin: str) -> None:
    wrong = []
    for said in RECORDED["generated"]:
        case = Case(files=said["files"], process=said.get("process", {}))
        found = _seen(ours(pin, case), case.process)
        if found != _recorded(said, pin):
            wrong.append((case, found))
    assert not wrong


_DEVELOPMENT = [".env.development.local", ".env.local", ".env.development", ".env"]
_PRODUCTION = [".env.production.local", ".env.local", ".env.production", ".env"]


@pytest.mark.parametrize(
    ("process", "mode", "files"),
    [
        ({}, "development", _DEVELOPMENT),
        ({"NODE_ENV": "staging"}, "development", _DEVELOPMENT),
        ({"NODE_ENV": "production"}, "development", _PRODUCTION),
        ({"NODE_ENV": "test"}, "development", [".env.test.local", ".env.test", ".env"]),
        ({"NODE_ENV": "test", "BUN_ENV": ""}, "development", _DEVELOPMENT),
        ({"NODE_ENV": "test", "BUN_ENV": "production"}, "test", _PRODUCTION),
        ({}, "production", _PRODUCTION),
    ],
)
def test_the_environment_decides_which_files_bun_reads(
    process: dict[str, str], mode: str, files: list[str]
) -> None:
    made = ours("bun@1.4", Case(files={}, process=process, mode=mode))
    assert [layer.path.name for layer in made.layers] == files


def test_a_default_with_a_reference_in_it_crashes_the_older_bun_and_is_said() -> None:
    case = Case(files={".env": "PORT=1\nA=${B:-$PORT}\n"})
    assert [issue.fatal for issue in ours("bun@1.3", case).issues] == [True]
    assert ours("bun@1.4", case).variables["A"].text == "1"


def test_options_in_the_environment_make_the_list_of_files_uncertain() -> None:
    case = Case(files={".env": "A=1\n"}, process={"BUN_OPTIONS": "--env-file=other"})
    assert [issue.kind for issue in ours("bun@1.4", case).issues] == ["dynamic"]


def test_a_value_names_its_line_and_what_it_shadows_and_refers_to() -> None:
    made = ours("bun@1.4", Case(files={".env.local": "\nA='$B'\n", ".env": "A=2\r\nB=3\r\n"}))
    value = made.variables["A"]
    assert (value.text, value.raw, value.origin.line, value.references) == ("", "'$B'", 2, ("B",))
    assert [(shadow.text, shadow.origin.line) for shadow in value.shadows] == [("2", 1)]
