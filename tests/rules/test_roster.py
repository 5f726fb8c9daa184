"""Which rules `devstack up` asks; that they lose no finding is checked with every case (`conftest.look`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack.commands.doctor import diagnose, inspect, preflight
from devstack.rules import engine, roster
from devstack.rules.base import Needs
from devstack.rules.inspection import Inspection
from devstack.stack import load

BARE = """\
[services.api]
type = "command"
command = "sleep 1"
"""
PYTHON = BARE.replace("command", "python", 1)


def inspection(folder: Path, stack: str, files: dict[str, str]) -> Inspection:
    for name, text in {"stack.toml": stack, **files}.items():
        (folder / name).write_text(text)
    return inspect(folder, {"PATH": "/usr/bin:/bin"})


@pytest.mark.parametrize("command", ["sleep 1", "sh start.sh"])
def test_where_nothing_speaks_of_variables_few_rules_are_asked(tmp_path: Path, command: str) -> None:
    stack = BARE.replace("sleep 1", command)
    modules, silent = roster.may_speak(inspection(tmp_path, stack, {"start.sh": "exec sleep 1\n"}))
    assert "missing_tool" in modules
    assert {"weak-secret", "syntax"} <= silent
    assert not silent & {module.replace("_", "-") for module in modules}


@pytest.mark.parametrize(
    ("stack", "files"),
    [
        (BARE, {".env": ""}),
        (BARE, {".env.example": "A=\n"}),
        (PYTHON, {"main.py": "import os\nos.environ['A']\n"}),
        (PYTHON, {"main.py": "URL = 'http://localhost:1'\n"}),
        (BARE + '[services.web]\ntype = "vite"\n', {}),
        (BARE + '[doctor.required]\napi = ["A"]\n', {}),
        (BARE + '[shared.key]\nmembers = ["api:A", "api:B"]\n', {}),
        (BARE.replace('"sleep 1"', '"A=1 sleep 1"'), {}),
        (BARE + 'env.set = { A = "1" }\n', {}),
    ],
)
def test_where_anything_does_every_rule_about_files_is_asked(
    tmp_path: Path, stack: str, files: dict[str, str]
) -> None:
    modules, silent = roster.may_speak(inspection(tmp_path, stack, files))
    assert {roster.ROSTER[module] for module in modules} == {roster.About.STACK, roster.About.VARIABLES}
    assert not silent


def test_a_suppression_of_a_rule_that_was_not_asked_is_idle_as_ever(tmp_path: Path) -> None:
    idle = BARE + '[[doctor.ignore]]\nrule = "weak-secret"\nreason = "once it was"\n'
    looked = inspection(tmp_path, idle, {})
    (found,) = preflight(load.load(tmp_path / "stack.toml"), process=looked.process_env).findings
    assert found.rule == "unused-suppression"
    assert diagnose(looked, engine.Choice(needs=frozenset((Needs.FILES,)))).findings == (found,)
