from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

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
