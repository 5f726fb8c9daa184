"""`devstack ws` speaks the protocols of real servers: socket.io and graphql-transport-ws, with tokens they verify."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Outcome, clean_environment

pytestmark = [pytest.mark.e2e, pytest.mark.node]
Tree = Callable[[Mapping[str, str | bytes]], Path]


@pytest.fixture(scope="module")
def secret() -> str:
    return secrets.token_urlsafe(32)


@pytest.fixture(scope="module")
def ports(secret: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    path = tmp_path_factory.mktemp("secret") / "jwt"
    path.write_text(secret)
    process = subprocess.Popen(
        ["node", str(ROOT / "tests" / "servers" / "protocols.mjs"), str(path)],
        cwd=ROOT,
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout
        yield json.loads(process.stdout.readline())
    finally:
        process.communicate()


@pytest.fixture
def ask(tree: Tree, devstack: Callable[..., Outcome]) -> Callable[..., dict[str, Any]]:
    def run(port: int, protocol: str, path: str, secret: str) -> dict[str, Any]:
        toml = f"""
[services.api]
type = "command"
command = "true"
port = {port}
[services.api.websocket]
protocol = "{protocol}"
path = "{path}"
rejects_bad_token = true
[services.api.websocket.token]
in = "message"
secret = "jwt"
[shared.jwt]
secret = true
members = ["api:JWT_SECRET"]
"""
        root = tree({"stack.toml": toml, ".env": f"JWT_SECRET={secret}\n"})
        told = devstack("ws", "api", "--timeout", "3", "--json", cwd=root)
        found: dict[str, Any] = json.loads(told.out)
        assert "error" not in found, found
        return found

    return run


Ask = Callable[..., dict[str, Any]]
KINDS = [("socket-io", "socket.io", "/socket.io/"), ("graphql", "graphql-ws", "/graphql")]


@pytest.mark.parametrize(("server", "protocol", "path"), KINDS)
def test_the_right_token_gets_in_and_no_other(
    ask: Ask, ports: dict[str, int], secret: str, server: str, protocol: str, path: str
) -> None:
    told = ask(ports[server], protocol, path, secret)
    assert told["verdict"]["code"] == "ok", told
    assert [tried["kind"] for tried in told["tokens"] if tried["accepted"]] == ["good"]
    assert {"none", "wrong-secret", "expired", "alg-none"} <= {tried["kind"] for tried in told["tokens"]}


@pytest.mark.parametrize(("server", "protocol", "path"), KINDS)
def test_another_secret_is_refused_in_the_protocol_s_own_way(
    ask: Ask, ports: dict[str, int], secret: str, server: str, protocol: str, path: str
) -> None:
    told = ask(ports[server], protocol, path, secret[::-1])
    assert told["verdict"]["code"] == "token-rejected", told
    assert told["verdict"]["browser"]["opened"] is True


def test_a_server_that_never_acknowledges_is_said_to(ask: Ask, ports: dict[str, int], secret: str) -> None:
    told = ask(ports["graphql-mute"], "graphql-ws", "/graphql", secret)
    assert told["verdict"]["code"] == "no-answer"
    assert "never comes" in told["verdict"]["message"]


def test_a_plain_socket_to_socket_io_is_explained(ask: Ask, ports: dict[str, int], secret: str) -> None:
    told = ask(ports["socket-io"], "ws", "/", secret)
    assert told["verdict"]["code"] == "not-websocket"
    assert "socket.io" in told["verdict"]["message"]
