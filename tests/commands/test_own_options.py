"""devstack's own options reach a run, from the file, the environment and the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

Tree = Callable[[Mapping[str, str | bytes]], Path]
Devstack = Callable[..., Any]

pytestmark = pytest.mark.e2e

ONESHOT = '[services.{name}]\ntype = "command"\ncommand = "echo from-{name}"\noneshot = true\n'
BOTH = ONESHOT.format(name="always") + ONESHOT.format(name="extra") + 'profiles = ["more"]\n'


def up(devstack: Devstack, folder: Path, *argv: str, **env: str) -> Any:
    return devstack("up", "--no-doctor", "--exit-when-done", *argv, cwd=folder, env=env)


def test_profiles_come_from_the_file_a_variable_or_a_flag(tree: Tree, devstack: Devstack) -> None:
    folder = tree({"stack.toml": BOTH})

    assert "from-extra" not in up(devstack, folder).out
    assert "from-extra" in up(devstack, folder, DEVSTACK_PROFILES="more").out
    assert "from-extra" in up(devstack, folder, "--profile", "more").out
    (folder / "stack.toml").write_text(BOTH + '[devstack]\nprofiles = ["more"]\n')
    assert "from-extra" in up(devstack, folder).out


def test_an_unknown_profile_is_a_usage_error(tree: Tree, devstack: Devstack) -> None:
    done = up(devstack, tree({"stack.toml": BOTH}), "--profile", "mroe")

    assert done.code == 2
    assert "no service has the profile `mroe`" in done.err
    assert "profiles: more" in done.err


def test_events_as_json_may_be_the_habit(tree: Tree, devstack: Devstack) -> None:
    done = up(devstack, tree({"stack.toml": BOTH}), DEVSTACK_LOG_FORMAT="json")

    assert {json.loads(line)["event"] for line in done.out.splitlines()} >= {"run.started", "run.finished"}


def test_colour_may_be_forced_and_forbidden(tree: Tree, devstack: Devstack) -> None:
    folder = tree({"stack.toml": BOTH + '[devstack]\ncolour = "always"\n'})

    assert "\x1b[" in up(devstack, folder).out
    assert "\x1b[" not in up(devstack, folder, DEVSTACK_COLOUR="never", FORCE_COLOR="1").out


def test_a_time_limit_in_the_file_counts(
    tree: Tree, devstack: Devstack, free_port: Callable[[], int]
) -> None:
    body = f'[services.slow]\ntype = "command"\ncommand = "sleep 60"\nport = {free_port()}\n'

    done = up(devstack, tree({"stack.toml": body + '[devstack]\ntimeout = "300ms"\n'}))

    assert done.code == 124


def test_a_wrong_variable_names_itself(tree: Tree, devstack: Devstack) -> None:
    done = up(devstack, tree({"stack.toml": BOTH}), DEVSTACK_GRACE="5")

    assert done.code == 2
    assert "DEVSTACK_GRACE" in done.err
