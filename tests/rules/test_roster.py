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
        (BARE + 'env.files = [".env.gone"]\n', {}),
        (BARE + 'env.loader = "vite"\n', {}),
    ],
)
def test_where_anything_does_every_rule_about_variables_is_asked(
    tmp_path: Path, stack: str, files: dict[str, str]
) -> None:
    modules, _ = roster.may_speak(inspection(tmp_path, stack, files))
    assert {module for module, about in roster.ROSTER.items() if roster.About.VARIABLES in about} <= set(
        modules
    )


@pytest.mark.parametrize(
    ("changed", "about"),
    [
        ("ports = { admin = 3000 }\n", roster.About.PORTS),
        ("env.set = { LIVEKIT_URL = 'wss://a.livekit.cloud' }\n", roster.About.VARIABLES),
        ("[services.db]\ntype = 'compose'\ncompose = 'compose.yml:db'\n", roster.About.CONTAINERS),
        ("[services.db]\ntype = 'command'\ncommand = 'docker run postgres'\n", roster.About.CONTAINERS),
    ],
)
def test_what_a_stack_has_more_brings_the_rules_about_that(
    tmp_path: Path, changed: str, about: roster.About
) -> None:
    before, silent = roster.may_speak(inspection(tmp_path, BARE, {}))
    assert not any(roster.ROSTER[module] & about for module in before)
    after, _ = roster.may_speak(inspection(tmp_path, BARE + changed, {"compose.yml": "services: {}\n"}))
    brought = {module for module, its in roster.ROSTER.items() if its & about}
    assert brought == set(after) - set(before)
    assert {module.replace("_", "-") for module in brought} <= silent


def test_credentials_of_the_shell_are_judged_without_any_file(tmp_path: Path) -> None:
    (tmp_path / "stack.toml").write_text(BARE)
    names = {"LIVEKIT_API_KEY": "devkey", "LIVEKIT_URL": "wss://a.livekit.cloud"}
    report = preflight(load.load(tmp_path / "stack.toml"), process={"PATH": "/usr/bin:/bin", **names})
    assert [one.rule for one in report.findings] == ["livekit-credentials"]


def test_a_suppression_of_a_rule_that_was_not_asked_is_idle_as_ever(tmp_path: Path) -> None:
    idle = BARE + '[[doctor.ignore]]\nrule = "weak-secret"\nreason = "once it was"\n'
    looked = inspection(tmp_path, idle, {})
    (found,) = preflight(load.load(tmp_path / "stack.toml"), process=looked.process_env).findings
    assert found.rule == "unused-suppression"
    assert diagnose(looked, engine.Choice(needs=frozenset((Needs.FILES,)))).findings == (found,)
