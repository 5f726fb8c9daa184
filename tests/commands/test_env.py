from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.conftest import Outcome

Tree = Callable[[Mapping[str, str | bytes]], Path]
Run = Callable[..., Outcome]

STACK = """
[services.web]
type = "next"
dir = "web"
[services.ws]
type = "command"
command = "./serve"
dir = "ws"
"""
FILES = {
    "stack.toml": STACK,
    "web/.env": "JWT_SECRET=first-secret-text\nNEXT_PUBLIC_X=1\nREF=${JWT_SECRET}/x\n",
    "web/.env.local": "JWT_SECRET=second-secret-text\n",
    "ws/.env": "JWT_SECRET=second-secret-text\nLOG=debug\nBAD='x' y\n",
}


def test_json_follows_the_contract(tree: Tree, devstack: Run) -> None:
    done = devstack("env", "--json", cwd=tree(FILES))
    assert done.code == 0
    body = json.loads(done.out)
    assert body["version"] == 1
    web = body["services"]["web"]
    assert (web["loader"], web["mode"]) == ("next@16", "development")
    assert {"path": "web/.env.local", "exists": True} in web["files"]
    secret = web["variables"]["JWT_SECRET"]
    fingerprint = secret.pop("fingerprint")
    assert fingerprint == body["services"]["ws"]["variables"]["JWT_SECRET"]["fingerprint"]
    assert secret == {
        "value": None,
        "path": "web/.env.local",
        "line": 1,
        "layer": "file",
        "public": False,
        "shadows": [{"path": "web/.env", "line": 1}],
    }
    assert web["variables"]["NEXT_PUBLIC_X"]["value"] == "1"
    assert web["variables"]["NEXT_PUBLIC_X"]["public"] is True
    assert body["services"]["ws"]["errors"][0]["line"] == 3


def test_no_secret_is_shown_unless_revealed(tree: Tree, devstack: Run) -> None:
    root = tree(FILES)
    for argv in (("env",), ("env", "--json"), ("env", "why", "JWT_SECRET"), ("env", "--diff", "web", "ws")):
        done = devstack(*argv, cwd=root)
        assert done.code == 0, done.err
        assert "secret-text" not in done.out + done.err
    revealed = devstack("env", "web", "--json", "--reveal", cwd=root)
    assert json.loads(revealed.out)["services"]["web"]["variables"]["REF"]["value"] == "second-secret-text/x"


def test_an_exported_value_wins_and_says_so(tree: Tree, devstack: Run) -> None:
    done = devstack("env", "ws", "--json", cwd=tree(FILES), env={"LOG": ""})
    value = json.loads(done.out)["services"]["ws"]["variables"]["LOG"]
    assert (value["value"], value["layer"], value["path"]) == ("", "process", None)
    assert value["shadows"] == [{"path": "ws/.env", "line": 2}]


def test_why_shows_the_winner_and_what_it_hides(tree: Tree, devstack: Run) -> None:
    done = devstack("env", "why", "web:JWT_SECRET", cwd=tree(FILES))
    lines = done.out.splitlines()
    wins = next(line for line in lines if "wins" in line)
    hidden = next(line for line in lines if "hidden" in line)
    assert "web/.env.local:1" in wins
    assert "web/.env:1" in hidden
    assert lines[-1] == "the same value in web, ws"


def test_an_unknown_service_is_a_usage_error_with_a_suggestion(tree: Tree, devstack: Run) -> None:
    done = devstack("env", "wbe", cwd=tree(FILES))
    assert done.code == 2
    assert "did you mean `web`" in done.err


LONG = "several words that take more room than there is"
NARROW = {
    "stack.toml": STACK.replace("next", "vite"),
    "web/.env.development": f"VITE_A_NAME_OF_SOME_LENGTH='{LONG}'\nJWT_SECRET=one\n",
    "web/.env": "JWT_SECRET=hidden-by-another-file\n",
    "ws/.env": f"JWT_SECRET=two\nLONG='{LONG}'\nBAD='x' y\n",
    "ws/main.py": 'import os\nos.environ.get("JWT_SECRET") or os.getenv("LONG", "x")\n',
}


@pytest.mark.parametrize(
    "argv", [("env",), ("env", "why", "JWT_SECRET"), ("env", "why", "ws:BAD"), ("env", "--diff", "web", "ws")]
)
def test_a_narrow_terminal_gets_lines_that_fit(tree: Tree, devstack: Run, argv: tuple[str, ...]) -> None:
    done = devstack(*argv, cwd=tree(NARROW), env={"COLUMNS": "40"})
    assert done.code == 0
    too_long = [line for line in done.out.splitlines() if len(line) > 40 and len(line.split()) > 1]
    assert not too_long


def test_a_linked_env_file_shows_where_it_leads(tree: Tree, devstack: Run) -> None:
    root = tree({**FILES, "shared/common.env": "JWT_SECRET=x\n"})
    (root / "ws" / ".env").unlink()
    (root / "ws" / ".env").symlink_to("../shared/common.env")
    assert "ws/.env -> shared/common.env" in devstack("env", "ws", cwd=root).out


def test_why_tells_of_a_definition_that_the_program_drops(tree: Tree, devstack: Run) -> None:
    done = devstack("env", "why", "BAD", cwd=tree(FILES))
    assert done.code == 0
    assert "ws/.env:3  python-dotenv cannot parse this" in done.out


def test_a_misspelled_shared_value_is_told_the_near_one(tree: Tree, devstack: Run) -> None:
    root = tree(
        {**FILES, "stack.toml": STACK + '[shared.jwt]\nmembers = ["web:JWT_SECRET", "ws:JWT_SECRET"]\n'}
    )
    assert "did you mean `jwt`?" in devstack("env", "set", "jw", "x", cwd=root).err
    assert "for example web:NAME" in devstack("env", "set", "web", "x", cwd=root).err
