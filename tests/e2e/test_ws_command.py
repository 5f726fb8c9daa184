"""`devstack ws` and `devstack token` as a person calls them, against servers that write down what they were sent."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.conftest import Outcome

pytestmark = [pytest.mark.e2e]
Tree = Callable[[Mapping[str, str | bytes]], Path]
SECRET = "k2T9wXqL5mZpR7vNc4tYb8sHd3fGj6aEu1"


class Recorder:
    """A WebSocket server in a thread: the paths and origins it was asked with; closes after `lives` seconds."""

    def __init__(self, lives: float | None = None) -> None:
        self.seen: list[tuple[str, str | None]] = []
        self.codes: list[int | None] = []
        self.connected = self.most_connected = 0
        self._lives = lives
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        assert self._started.wait(60)

    async def _serve(self) -> None:
        self._over = asyncio.Event()
        async with serve(self._talk, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._started.set()
            await self._over.wait()

    async def _talk(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.seen.append((connection.request.path, connection.request.headers.get("Origin")))
        if self._lives is not None:
            await asyncio.sleep(self._lives)
            connection.transport.abort()
        self.connected += 1
        self.most_connected = max(self.most_connected, self.connected)
        await connection.wait_closed()
        self.connected -= 1
        self.codes.append(connection.close_code)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(60)
        self._loop.close()


@pytest.fixture
def recorder() -> Iterator[Callable[..., Recorder]]:
    made: list[Recorder] = []

    def start(**given: float) -> Recorder:
        made.append(Recorder(**given))
        return made[-1]

    yield start
    for one in made:
        one.close()


def stack(port: int, rest: str = "") -> str:
    return f"""
[services.web]
type = "vite"
dir = "web"
port = 5199
[services.ws]
type = "command"
command = "true"
port = {port}
[services.ws.websocket]
path = "/ws"
origin = "web"
[services.ws.websocket.token]
secret = "jwt"
[shared.jwt]
secret = true
members = ["ws:JWT_SECRET"]
{rest}
"""


@pytest.fixture
def ask(tree: Tree, devstack: Callable[..., Outcome]) -> Callable[..., tuple[int, dict[str, Any]]]:
    def run(toml: str, *argv: str, stdin: str | None = None) -> tuple[int, dict[str, Any]]:
        root = tree({"stack.toml": toml, ".env": f"JWT_SECRET={SECRET}\n"})
        told = devstack("ws", *argv, "--json", cwd=root, stdin=stdin)
        assert SECRET not in told.out + told.err
        found: dict[str, Any] = json.loads(told.out)
        return told.code, found

    return run


Ask = Callable[..., tuple[int, dict[str, Any]]]


def test_the_first_connection_is_the_page_s_with_token_and_origin(
    ask: Ask, recorder: Callable[..., Recorder]
) -> None:
    server = recorder()
    code, told = ask(stack(server.port), "ws")
    assert told["verdict"]["code"] == "bad-token-accepted" or code == 0
    path, origin = server.seen[0]
    assert path.startswith("/ws?token=eyJ")
    assert origin == "http://localhost:5199"


def test_a_server_s_limits_are_respected_one_connection_at_a_time_closed_with_1000(
    ask: Ask, recorder: Callable[..., Recorder]
) -> None:
    server = recorder()
    ask(stack(server.port), "ws")
    assert server.most_connected == 1
    assert len(server.codes) > 3 and set(server.codes) == {1000}


def test_an_empty_origin_sends_none_and_another_one_is_sent_as_given(
    ask: Ask, recorder: Callable[..., Recorder]
) -> None:
    server = recorder()
    ask(stack(server.port), "ws", "--origin", "")
    assert server.seen[0][1] is None
    server.seen.clear()
    ask(stack(server.port), "ws", "--origin", "https://elsewhere.example")
    assert server.seen[0][1] == "https://elsewhere.example"


def test_a_token_from_standard_input_is_the_one_that_is_sent(
    ask: Ask, recorder: Callable[..., Recorder]
) -> None:
    server = recorder()
    ask(stack(server.port), "ws", "--token", "-", stdin="my.own.token\n")
    assert [path for path, _ in server.seen] == ["/ws?token=my.own.token"]


def test_a_drop_of_an_idle_socket_is_told_with_its_time(ask: Ask, recorder: Callable[..., Recorder]) -> None:
    server = recorder(lives=0.6)
    code, told = ask(stack(server.port), "ws", "--idle", "60")
    assert code == 1
    assert told["verdict"]["code"] == "crashed"
    assert told["verdict"]["browser"] == {"opened": True, "close_code": 1006}
    close = next(step for step in told["steps"] if step["name"] == "close")
    assert close["ms"] > 0


def test_a_host_outside_of_this_machine_is_not_asked_without_leave(ask: Ask) -> None:
    code, told = ask(stack(3001), "ws://192.0.2.1:81/ws")
    assert code == 5
    assert "--remote" in told["error"]["hint"]


def test_a_minted_token_never_goes_to_a_host_that_the_stack_does_not_declare(
    ask: Ask, recorder: Callable[..., Recorder]
) -> None:
    """The machine's own name is loopback to the kernel and an undeclared host to the stack."""
    server = recorder()
    alias = socket.gethostname()
    try:
        if not socket.gethostbyname(alias).startswith("127."):
            raise OSError
    except OSError:
        alias = "localtest.me"
    toml = stack(server.port)
    told = ask(toml, f"ws://{alias}:{server.port}/ws", "--remote")[1]
    assert not any("token=" in path for path, _ in server.seen)
    assert not told["tokens"]


def test_without_a_stack_a_url_is_asked_without_a_token(
    tmp_path: Path, devstack: Callable[..., Outcome], recorder: Callable[..., Recorder]
) -> None:
    server = recorder()
    told = devstack("ws", f"ws://localhost:{server.port}/ws", "--json", cwd=tmp_path)
    assert told.code == 0
    assert [path for path, _ in server.seen] == ["/ws"]


@pytest.mark.parametrize(
    "target",
    ["ws://[::1/", "ws://localhost:99999/", "ws://", "http://localhost:1/", "nobody", "ws://a b/", "://"],
)
def test_what_is_no_target_is_one_clear_error(ask: Ask, target: str) -> None:
    code, told = ask(stack(3001), target)
    if "error" in told:
        assert code == 2
        assert told["error"]["hint"]
    else:
        assert (code, told["verdict"]["code"]) == (1, "unreachable-host")


@pytest.mark.parametrize(
    "option", [("--idle", "-1"), ("--timeout", "0"), ("--parallel", "-2"), ("--idle", "inf")]
)
def test_a_number_that_makes_no_sense_is_refused(ask: Ask, option: tuple[str, str]) -> None:
    code, told = ask(stack(3001), "ws", *option)
    assert code == 2
    assert option[0] in told["error"]["message"]


@pytest.mark.parametrize(
    "url", ["ws://[::1/", "ws://localhost:port/ws", "not a url", "ws://user:pw@localhost:1/ws"]
)
def test_a_url_variable_of_any_text_is_one_clear_answer(ask: Ask, url: str) -> None:
    toml = (
        stack(3001)
        + f'[services.out]\ntype = "external"\nurl = "={url}"\n[services.out.websocket]\npath = "/ws"\n'
    )
    code, told = ask(toml, "out")
    assert code in (1, 2, 5)
    assert "error" in told or told["verdict"]["message"]
    assert "pw" not in json.dumps(told)


def test_a_livekit_token_carries_the_key_as_issuer_and_a_grant(
    tree: Tree, devstack: Callable[..., Outcome]
) -> None:
    import jwt

    toml = """
[services.livekit]
type = "command"
command = "true"
port = 7880
[services.livekit.websocket]
protocol = "livekit"
path = "/rtc"
[services.livekit.websocket.token]
secret = "livekit-secret"
[services.agent]
type = "command"
command = "true"
dir = "agent"
[shared.livekit-key]
members = ["agent:LIVEKIT_API_KEY"]
[shared.livekit-secret]
secret = true
members = ["agent:LIVEKIT_API_SECRET"]
"""
    root = tree({"stack.toml": toml, "agent/.env": f"LIVEKIT_API_KEY=APIdev\nLIVEKIT_API_SECRET={SECRET}\n"})
    told = devstack("token", "mint", "livekit", "--ttl", "120", "--claim", "name=visitor", cwd=root)
    claims = jwt.decode(told.out.strip(), SECRET, algorithms=["HS256"], issuer="APIdev")
    assert claims["video"]["roomJoin"] is True and claims["video"]["room"]
    assert claims["name"] == "visitor"
    assert claims["exp"] - claims["iat"] <= 130
    assert {"nbf", "sub"} <= claims.keys()
