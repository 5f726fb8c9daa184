"""`env sync`, `set` and `rotate` where members are parts of URLs or keys of documents, and where links lack a URL."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import dotenv
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from devstack.contract import urls
from devstack.contract.members import url_part
from devstack.contract.written import with_part
from devstack.stack.model import UrlPart

Tree = Callable[[Mapping[str, str | bytes]], Path]


class Outcome(Protocol):
    code: int
    out: str
    err: str


Devstack = Callable[..., Outcome]

STACK = """
[services.web]
type = "vite"
dir = "web"
port = 5173
[services.ws]
type = "node"
dir = "ws"
port = 3001
[services.api]
type = "python"
dir = "api"
port = 8000
command = "python main.py"
"""
REDIS = """
[shared.redis]
secret = true
members = ["api:REDIS_URL#password", "ws:REDIS_PASSWORD", "file:{file}#{key}"]
"""
ENV = {"api/.env": "REDIS_URL=redis://u:password@localhost:6379/0\n", "ws/.env": "REDIS_PASSWORD=\n"}
NEW = "Zk3vP0q8sT1uW5xY7zA2bC4dE6fG9hJ-mN_oQrStUvw"


def _written(path: Path) -> object:
    text = path.read_text()
    read = {".json": json.loads, ".toml": tomllib.loads}.get(path.suffix, yaml.safe_load)
    return read(text)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("c.yaml", "redis:\n  # the password\n  password: secret  # kept\n  port: 1\n"),
        ("c.yml", 'redis: { password: "secret", port: 1 }\n'),
        ("c.json", '{"redis": {"port": 1, "password": "secret"}}\n'),
        ("c.toml", "# password\n[redis]\npassword = 'secret' # kept\nport = 1\n"),
    ],
)
def test_a_secret_reaches_a_part_of_a_url_and_a_key_of_a_document(
    tree: Tree, devstack: Devstack, file: str, text: str
) -> None:
    declared = STACK + REDIS.format(file=file, key="redis.password")
    root = tree({"stack.toml": declared, file: text, **ENV})
    assert devstack("env", "set", "redis", NEW, "--yes", cwd=root).code == 0
    assert _written(root / file) == {"redis": {"password": NEW, "port": 1}}
    after = (root / file).read_text()
    assert ("# kept" in after, after.count("\n")) == ("# kept" in text, text.count("\n"))
    found = dotenv.dotenv_values(root / "api" / ".env")["REDIS_URL"]
    assert found == f"redis://u:{NEW}@localhost:6379/0"
    assert dotenv.dotenv_values(root / "ws" / ".env") == {"REDIS_PASSWORD": NEW}


def test_rotate_gives_the_same_new_value_to_every_kind_of_member(tree: Tree, devstack: Devstack) -> None:
    declared = STACK + REDIS.format(file="c.yaml", key="redis.password")
    root = tree({"stack.toml": declared, "c.yaml": "redis:\n  password: old\n", **ENV})
    assert devstack("env", "rotate", "redis", "--yes", cwd=root).code == 0
    value = dotenv.dotenv_values(root / "ws" / ".env")["REDIS_PASSWORD"]
    assert _written(root / "c.yaml") == {"redis": {"password": value}}
    assert value
    assert len(value) >= 32


def test_no_new_secret_is_made_for_some_members_only(tree: Tree, devstack: Devstack) -> None:
    declared = STACK + REDIS.format(file="c.yaml", key="redis.password")
    folded = 'redis:\n  password: "sec\\\n    ret"\n'  # on two lines, so it cannot be told where it ends
    root = tree({"stack.toml": declared, "c.yaml": folded, **ENV})
    done = devstack("env", "sync", "--yes", cwd=root)
    assert "no new value is made for some members only" in " ".join(done.out.split())
    assert (root / "ws" / ".env").read_text() == ENV["ws/.env"]
    assert (root / "api" / ".env").read_text() == ENV["api/.env"]


def test_a_block_scalar_gets_the_new_value_like_every_member(tree: Tree, devstack: Devstack) -> None:
    declared = STACK + REDIS.format(file="c.yaml", key="redis.password")
    root = tree({"stack.toml": declared, "c.yaml": "redis:\n  password: |\n    secret\nport: 1\n", **ENV})
    assert devstack("env", "set", "redis", NEW, "--yes", cwd=root).code == 0
    assert (root / "c.yaml").read_text() == f'redis:\n  password: "{NEW}"\nport: 1\n'


def test_a_part_of_a_url_that_is_put_together_elsewhere_is_left(tree: Tree, devstack: Devstack) -> None:
    declared = STACK + '[shared.redis]\nmembers = ["api:REDIS_URL#password", "ws:REDIS_PASSWORD"]\n'
    env = "PASS=x\nREDIS_URL=redis://:${PASS}@localhost/0\n"
    root = tree({"stack.toml": declared, "api/.env": env, "ws/.env": "REDIS_PASSWORD=y\n"})
    done = devstack("env", "set", "redis", NEW, "--yes", cwd=root)
    assert done.code != 0
    assert (root / "api" / ".env").read_text() == env


LINKS = """
[[links]]
from = "web:VITE_WS_URL"
to = "ws"
path = "/ws"
[[links]]
from = "web:VITE_API_URL"
to = "api"
"""


def test_links_without_a_url_get_the_one_that_is_declared(tree: Tree, devstack: Devstack) -> None:
    source = "open(import.meta.env.VITE_WS_URL, import.meta.env.VITE_API_URL)\n"
    root = tree({"stack.toml": STACK + LINKS, "web/main.ts": source, "web/.env.local": "VITE_WS_URL=\n"})
    assert devstack("env", "sync", "--check", cwd=root).code == 1
    assert devstack("env", "sync", "--yes", cwd=root).code == 0
    assert dotenv.dotenv_values(root / "web" / ".env.local") == {
        "VITE_WS_URL": "ws://localhost:3001/ws",
        "VITE_API_URL": "http://localhost:8000",
    }
    assert devstack("env", "sync", "--check", cwd=root).code == 0


def test_a_link_whose_code_falls_back_needs_no_url(tree: Tree, devstack: Devstack) -> None:
    source = "open(import.meta.env.VITE_WS_URL || 'ws://localhost:3001/ws', import.meta.env.VITE_API_URL)\n"
    env = "VITE_WS_URL=\nVITE_API_URL=http://localhost:8000\n"
    root = tree({"stack.toml": STACK + LINKS, "web/main.ts": source, "web/.env.local": env})
    assert devstack("env", "sync", "--check", cwd=root).code == 0


_TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@given(value=_TEXT, part=st.sampled_from(["user", "password"]))
def test_a_part_is_replaced_and_nothing_else(value: str, part: UrlPart) -> None:
    url = "redis://u:p@h:1/x?y=1#z"
    made = with_part(url, part, value)
    assert made is not None
    before, after = urls.parse(url), urls.parse(made)
    assert url_part(after, part) == value
    parts: tuple[UrlPart, ...] = ("user", "password", "host", "port", "path")
    for other in parts:
        assert other == part or url_part(after, other) == url_part(before, other)
    assert made.endswith("@h:1/x?y=1#z")


@pytest.mark.parametrize(
    ("url", "part", "value", "made"),
    [
        ("redis://h/0", "password", "x", "redis://:x@h/0"),
        ("redis://h/0", "port", "6380", "redis://h:6380/0"),
        ("http://[::1]:80/a", "host", "h", "http://h:80/a"),
        ("http://h", "host", "::1", "http://[::1]"),
        ("http://h?x", "path", "a/b", "http://h/a/b?x"),
        ("no url", "host", "h", None),
    ],
)
def test_parts_of_odd_urls(url: str, part: UrlPart, value: str, made: str | None) -> None:
    assert with_part(url, part, value) == made
