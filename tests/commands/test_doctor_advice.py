"""What `devstack doctor` advises: commands that do what is said, and no secret spelt out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.commands.test_doctor import FILES, SECRET, STACK, Tree


@pytest.fixture
def hint(tree: Tree, devstack: Callable[..., Any]) -> Callable[..., str]:
    """`hint(rule, {files})`: what the only finding of the rule says is to be done."""

    def run(rule: str, files: Mapping[str, str]) -> str:
        outcome = devstack("doctor", "--select", rule, "--json", cwd=tree({**FILES, **files}))
        (found,) = json.loads(outcome.out)["findings"]
        assert SECRET not in outcome.out
        return str(found["hint"])

    return run


@pytest.mark.parametrize(
    ("declared", "files", "said"),
    [
        ('[[links]]\nfrom = "ws:PEER_URL"\nto = "web"\nwait = false\n', {}, "env sync` write the address"),
        (
            '[shared.key]\nmembers = ["ws:TOPIC", "two:TOPIC"]\n',
            {},
            "`devstack env set key` gives all its readers one value",
        ),
        (
            '[shared.key]\nmembers = ["ws:TOPIC", "two:TOPIC"]\n',
            {"two/.env": "TOPIC=rooms\n"},
            "env sync` copy what the other readers have",
        ),
        ('[doctor.required]\nws = ["TOPIC"]\n', {"ws/.env.example": "TOPIC=\n"}, "adds it from the example"),
        ('[doctor.required]\nws = ["TOPIC"]\n', {}, "set `TOPIC` in ws/.env"),
    ],
)
def test_what_to_do_about_a_missing_variable_names_the_command_that_does_it(
    declared: str, files: Mapping[str, str], said: str, hint: Callable[..., str]
) -> None:
    two = '[services.two]\ntype = "python"\ndir = "two"\ncommand = "python3 main.py"\n'
    stack = STACK.replace('"sleep 1"\n', f'"sleep 1"\nport = 4000\n{two}')
    loads = {"two/main.py": FILES["ws/main.py"], "ws/.env": "A=1\n", "two/.env": "A=1\n"}
    assert hint("missing-variable", {"stack.toml": stack + declared, **loads, **files}).endswith(said)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ('[[links]]\nfrom = "ws:PEER_URL"\nto = "web"\nwait = false\n', "env sync` write the address"),
        ('[doctor.required]\nws = ["PEER_URL"]\n', "give `PEER_URL` its value"),
    ],
)
def test_what_to_do_about_an_empty_variable_names_the_command_that_does_it(
    declared: str, said: str, hint: Callable[..., str]
) -> None:
    stack = STACK.replace('"sleep 1"\n', '"sleep 1"\nport = 4000\n')
    files = {"stack.toml": stack + declared, "ws/.env": "PEER_URL=\n"}
    assert hint("empty-value", files).endswith(said)


@pytest.mark.parametrize(
    ("name", "declared", "is_offered"),
    [
        ("JWT_SECRET", "secret = true", True),
        ("JWT_SECRET", "secret = false", False),
        ("LIVEKIT_API_SECRET", "secret = true", False),
    ],
)
def test_rotate_is_offered_where_it_would_not_refuse(
    name: str, declared: str, is_offered: bool, hint: Callable[..., str]
) -> None:
    two = '[services.two]\ntype = "python"\ndir = "two"\ncommand = "python3 main.py"\n'
    group = f'[shared.key]\nmembers = ["ws:{name}", "two:{name}"]\n{declared}\n'
    files = {
        "stack.toml": STACK + two + group,
        "two/main.py": FILES["ws/main.py"],
        "ws/.env": f"{name}={SECRET}\n",
        "two/.env": f"{name}={SECRET[::-1]}\n",
    }
    assert ("env rotate key" in hint("shared-mismatch", files)) is is_offered


TWO_READERS = """\
name = "two"
[services.web]
type = "next"
port = 3000
[services.ws]
type = "python"
command = "python3 main.py"
[shared.url]
members = ["web:DATABASE_URL", "ws:DATABASE_URL"]
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"postgres://u:{SECRET}@localhost/db?a=b#c d", "put it into double quotes"),
        (f"postgres://u:$x{SECRET}@localhost/db", "write `%24` for each `$`"),
        ("postgres://u:$PART@localhost/db", "write the value out"),
        ("rooms#1", 'write it as `"rooms#1"`'),
    ],
)
def test_a_line_that_is_read_in_two_ways_is_spelt_out_unless_it_holds_a_secret(
    line: str, said: str, hint: Callable[..., str]
) -> None:
    files = {
        "stack.toml": TWO_READERS,
        ".env": f"PART=x\nDATABASE_URL={line}\n",
        "main.py": "from dotenv import load_dotenv\nload_dotenv()\n",
    }
    assert hint("loader-disagreement", files).startswith(said)
