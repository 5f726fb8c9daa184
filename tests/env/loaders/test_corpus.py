"""The recorded cases: what the real programs made of 163 env files, byte for byte."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from devstack.env.files import Files
from devstack.env.loaders.table import loader
from devstack.env.model import Loaded, LoadRequest

CASES: list[dict[str, Any]] = json.loads(
    Path(__file__).parents[2].joinpath("corpus", "env_cases.json").read_text(encoding="utf-8")
)

# Name of the recorded program: our pin.
PINS = {
    "next": "next@16",
    "vite": "vite@8+node@20",
    "vite8_node24": "vite@8+node@24",
    "vite5": "vite@5",
    "vite6": "vite@6",
    "vite7": "vite@7",
    "dotenv": "dotenv@18",
    "dotenv_expand": "dotenv-expand@1000",
    "dotenv17_expand13": "dotenv-expand@13",
    "node_env_file": "node@20",
    "node22_env_file": "node@22",
    "node24_env_file": "node@24",
    "python_dotenv": "python-dotenv@1.2",
    "python_dotenv_1_1_1": "python-dotenv@1.1",
    "python_dotenv_values": "pydantic",
    "compose_go": "compose",
    "honcho": "honcho",
}


def _load(case: dict[str, Any], root: Path, pin: str) -> Loaded:
    root.mkdir()
    for name, text in case["files"].items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    for name, text in case.get("files_b64", {}).items():
        (root / name).write_bytes(base64.b64decode(text))
    folder = root / case["dir"]
    folder.mkdir(parents=True, exist_ok=True)
    request = LoadRequest(folder=folder, mode=case["mode"], process=case["process_env"], reader=Files(root))
    return loader(pin).load(request)


def _expected(case: dict[str, Any], program: str) -> dict[str, Any]:
    found: dict[str, Any] = case["expect"][program]
    if program != "python_dotenv_values":
        return found
    # Recorded is `dotenv_values` alone; pydantic-settings then takes exported values, whatever their case.
    exported = {name.lower(): text for name, text in case["process_env"].items()}
    return {name: exported.get(name.lower(), text) for name, text in found.items()}


@pytest.mark.parametrize("program", PINS)
def test_every_recorded_case_is_read_as_the_program_read_it(program: str, tmp_path: Path) -> None:
    wrong = []
    for case in CASES:
        made = _load(case, tmp_path / case["id"], PINS[program])
        found = {name: value.text for name, value in made.variables.items()}
        expected = _expected(case, program)
        if "__error__" in expected:
            if found or not any(issue.fatal for issue in made.issues):
                wrong.append((case["id"], expected, found))
        elif found != expected:
            wrong.append((case["id"], expected, found))
    assert not wrong


@pytest.mark.parametrize("program", PINS)
def test_every_value_from_a_file_names_the_line_that_defines_it(program: str, tmp_path: Path) -> None:
    for case in CASES:
        if case.get("files_b64"):
            continue
        made = _load(case, tmp_path / case["id"], PINS[program])
        for name, value in made.variables.items():
            origin = value.origin
            if origin.path is None or origin.line is None:
                assert name.lower() in {exported.lower() for exported in case["process_env"]}
                continue
            written = origin.path.read_bytes().decode().replace("\r\n", "\n").replace("\r", "\n")
            lines = written.split("\n")
            bare = name.lstrip("\ufeff").split("\n")[-1].strip()
            near = "\n".join(lines[max(0, origin.line - 1) : origin.line + 1])
            assert bare in near, (case["id"], name, origin.line)
