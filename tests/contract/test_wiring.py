"""What the variables that lead to a service say before anybody connects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.contract import targets, wiring
from tests.contract.facts import TWO, facts_of

Tree = Callable[[Mapping[str, str | bytes]], Path]
LINK = """\
[services.ws.websocket]
path = "/ws"
[[links]]
from = "web:NEXT_PUBLIC_WS_URL"
to = "ws"
"""
PAGE = 'export const url = process.env.NEXT_PUBLIC_WS_URL || "ws://localhost:7880/ws";\n'


def files(
    value: str | None, page: str = "export const url = process.env.NEXT_PUBLIC_WS_URL;\n"
) -> dict[str, str]:
    line = "" if value is None else f"NEXT_PUBLIC_WS_URL={value}\n"
    return {
        "stack.toml": TWO + LINK,
        "web/package.json": "{}",
        "web/app/page.js": page,
        "web/.env.local": f"# first line\n{line}",
        "ws/main.py": "",
    }


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("", "empty"),
        (None, "not set"),
        ("http://localhost:3001/ws", "http:// where a WebSocket needs ws://"),
        ("ws://0.0.0.0:3001/ws", "an address to listen on"),
        ("ws://backend:3001/ws", "only inside a container network"),
        ("ws://localhost:3000/ws", "it leads to port 3000, which is `web`; `ws` has port 3001"),
        ("ws://localhost:3001/socket", "its path is /socket, the socket is at /ws"),
        ("wss://localhost:3001/ws", "the service speaks no TLS"),
        ("wss://abc.ap-south-1.awsapprunner.com/ws", "carries no WebSockets (checked 20"),
        ("ws://localhost:3x01/ws", "the port is not a number"),
    ],
)
def test_a_wrong_variable_is_told_with_its_reason_and_place(tree: Tree, value: str | None, says: str) -> None:
    (wire,) = wiring.towards(facts_of(tree(files(value))), "ws")
    assert wire.ok is False
    assert says in wire.detail
    assert wire.name == "web:NEXT_PUBLIC_WS_URL"
    assert wire.place == ("set nowhere" if value is None else "web/.env.local:2")


def test_a_right_variable_is_told_too(tree: Tree) -> None:
    (wire,) = wiring.towards(facts_of(tree(files("ws://localhost:3001/ws"))), "ws")
    assert (wire.ok, wire.detail) == (True, "leads to ws://localhost:3001/ws")


def test_the_fallback_that_the_code_uses_is_named_with_its_line(tree: Tree) -> None:
    (wire,) = wiring.towards(facts_of(tree(files("", page=PAGE))), "ws")
    assert wire.ok is False
    assert "falls back to ws://localhost:7880/ws: it leads to port 7880" in wire.detail
    assert wire.place == "web/app/page.js:1"


def test_a_password_in_a_url_is_not_told(tree: Tree) -> None:
    (wire,) = wiring.towards(
        facts_of(tree(files("ws://me:hunter2hunter2@localhost:3001/ws?token=abcdef"))), "ws"
    )
    assert "hunter2" not in wire.detail and "abcdef" not in wire.detail


def test_a_page_explains_what_leads_away_from_it_and_to_it(tree: Tree) -> None:
    facts = facts_of(tree(files("ws://localhost:3000/ws")))
    (wire,) = targets.for_service(facts, "web").wires
    assert "`ws` has port 3001" in wire.detail
    assert targets.for_url(facts, "ws://localhost:3000/ws").wires == (wire,)


def test_two_secrets_are_told_with_both_places(tree: Tree) -> None:
    token = '[services.ws.websocket.token]\nsecret = "jwt"\n'
    shared = '[shared.jwt]\nsecret = true\nmembers = ["web:JWT_SECRET", "ws:JWT_SECRET"]\n'
    toml = TWO + LINK.replace("[[links]]", token + shared + "[[links]]")
    root = tree(
        {
            **files("ws://localhost:3001/ws"),
            "stack.toml": toml,
            "web/.env": "JWT_SECRET=k2T9wXqL5mZpR7vNc4tYb8sHd3fGj6aEu1\n",
            "ws/.env": "A=b\nJWT_SECRET=b7Qm2Xr9Lk4Wp6Tz1Vn8Cy5Hd3Fs0Gj7aaa\n",
            "ws/main.py": "from dotenv import load_dotenv\nload_dotenv()\n",
        }
    )
    target = targets.for_service(facts_of(root), "ws")
    assert target.token_places == "web:JWT_SECRET: web/.env:1, ws:JWT_SECRET: ws/.env:2"
    assert "signature mismatch" in (target.token_reason or "")
    assert "k2T9" not in repr(target) + str(target.token_reason)
