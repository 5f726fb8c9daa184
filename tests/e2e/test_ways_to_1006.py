"""What `devstack ws` says of real servers that fail, and what Chromium really shows for the same URL."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import ROOT, clean_environment
from tests.e2e.conftest import new_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.e2e, pytest.mark.node, pytest.mark.browser]

PENDING = "pending"  # Chromium waits for minutes and then shows 1006


@dataclass(frozen=True)
class Way:
    """One way to fail: the server, the URL's path, the verdict, and Chromium's close code."""

    server: str
    path: str
    verdict: str
    browser: int | str | None
    scheme: str = "ws"
    subprotocol: str | None = None
    says: str = ""
    declared: str | None = None


WAYS = (
    Way("closed-port", "/", "not-listening", 1006, says="nothing listens"),
    Way("app", "/refused-before-accept", "unauthorized", 1006, says="HTTP 403"),
    Way("app", "/nowhere", "wrong-path", 1006, declared="/normal", says="/normal"),
    Way("app", "/denied", "unauthorized", 1006, says="HTTP 401"),
    Way("app", "/refused-after-accept", "token-rejected", 4401, says="4401"),
    Way("app", "/policy", "token-rejected", 1008, says="1008"),
    Way("app", "/shutting-down", "closed", 1012, says="1012"),
    Way("app", "/raises-before-accept", "crashed", 1006, says="HTTP 500"),
    Way("app", "/raises-after-accept", "crashed", None),
    Way("app", "/stuck", "no-answer", PENDING),
    Way("app", "/open-to-all", "bad-token-accepted", "open", says="wrong-secret"),
    Way("app", "/normal", "ok", "open"),
    Way("app", "/open-to-all", "subprotocol-rejected", 1006, subprotocol="chat"),
    Way("app", "/normal", "tls-mismatch", 1006, scheme="wss"),
    Way("tls", "/", "tls-mismatch", 1006, says="TLS"),
    Way("tls", "/", "tls-mismatch", 1006, scheme="wss", says="certificate"),
    Way("drops", "/", "crashed", 1006),
    Way("fails", "/", "crashed", 1011),
    Way("own-origin-only", "/", "origin-rejected", 1006, says="origin"),
    Way("redirect", "/", "redirect", 1006, says="wss"),
    Way("bad-gateway", "/", "not-listening", 1006, says="proxy"),
    Way("web-page", "/", "not-websocket", 1006, says="text/html"),
    Way("header-too-long", "/", "handshake-invalid", 1006, says="431"),
    Way("not-found", "/", "wrong-path", 1006, says="404"),
    Way("upgrade-lost", "/", "not-websocket", 1006, says="426"),
    Way("asked-in-http-1.0", "/", "not-websocket", 1006, says="505"),
    Way("garbage", "/", "not-websocket", 1006),
    Way("wrong-accept-key", "/", "handshake-invalid", 1006),
    Way("silent", "/", "no-answer", PENDING),
    Way("hung", "/", "no-answer", PENDING, says="hangs"),
    Way("vite-page", "/ws", "dev-server", PENDING, says="Vite"),
    Way("vite-beside-hmr", "/ws", "dev-server", 1006, says="Vite"),
    Way("vite-hmr", "/ws", "hmr-socket", 1006, says="hot-reload"),
    Way("socket-io", "/", "not-websocket", 1006, says="socket.io"),
    Way("ws-with-path", "/wrong", "wrong-path", 1006),
    Way("verify-client", "/", "unauthorized", 1006, says="401"),
    Way("app-that-greets", "/", "bad-token-accepted", "open"),
)


@pytest.fixture(scope="module")
def secret_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "jwt"
    path.write_text(secrets.token_urlsafe(32))
    return path


@pytest.fixture(scope="module")
def servers(secret_file: Path) -> Iterator[dict[str, int]]:
    """Every server of the zoo and of the frontends: name → port."""
    commands = (
        [sys.executable, "-m", "tests.servers.zoo", "-", str(secret_file)],
        ["node", str(ROOT / "tests" / "servers" / "frontends.mjs")],
    )
    started = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean_environment({"TMPDIR": str(secret_file.parent)}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]
    try:
        ports: dict[str, int] = {"closed-port": 1}
        for process in started:
            assert process.stdout
            ports |= json.loads(process.stdout.readline())
        yield ports
    finally:
        for process in started:
            process.communicate()


@pytest.fixture(scope="module")
def page(browser: Browser, servers: dict[str, int]) -> Iterator[Page]:
    opened = new_page(browser)
    opened.goto(f"http://localhost:{servers['app']}/page")
    yield opened
    opened.close()


def stack_toml(way: Way, port: int, origin: str) -> str:
    offered = f'subprotocols = ["{way.subprotocol}"]' if way.subprotocol else ""
    return f"""
name = "zoo"
[services.app]
type = "command"
command = "true"
port = {port}
tls = {"true" if way.scheme == "wss" else "false"}
[services.app.websocket]
path = "{way.declared or way.path}"
origin = "{origin}"
rejects_bad_token = true
{offered}
[services.app.websocket.token]
secret = "jwt"
[shared.jwt]
secret = true
members = ["app:JWT_SECRET"]
"""


# What should come is waited for; only what should not (an answer, a close) has a moment to prove us wrong.
SHOWS = """([url, protocols, expected]) => new Promise((done) => {
  const socket = new WebSocket(url, protocols);
  let opened = false;
  const end = (shown) => { socket.onclose = null; socket.close(); done(shown); };
  socket.onopen = () => { opened = true; setTimeout(() => end("open"), expected === "open" ? 1200 : 100000); };
  socket.onclose = (event) => done(event.code);
  setTimeout(() => { if (!opened) end("pending"); }, expected === "pending" ? 2500 : 100000);
})"""


@pytest.mark.parametrize(
    "way", WAYS, ids=lambda way: f"{way.server}{way.path}-{way.verdict}".replace("/", "-")
)
def test_the_verdict_names_the_cause_and_the_browser_shows_what_was_predicted(
    way: Way,
    servers: dict[str, int],
    page: Page,
    secret_file: Path,
    tree: Callable[..., Path],
    devstack: Callable[..., Any],
) -> None:
    port, origin = servers[way.server], f"http://localhost:{servers['app']}"
    env = f"JWT_SECRET={secret_file.read_text()}\n"
    root = tree({"stack.toml": stack_toml(way, port, origin), ".env": env})
    target = f"{way.scheme}://localhost:{port}{way.path}" if way.declared else "app"
    told = devstack("ws", target, "--timeout", _patience(way), "--json", cwd=root)
    verdict = json.loads(told.out)["verdict"]
    assert verdict["code"] == way.verdict, told.out
    assert way.says in verdict["message"]
    assert told.code == (0 if way.verdict == "ok" else 1)
    assert secret_file.read_text() not in told.out + told.err

    predicted = verdict["browser"]
    # Chromium fails requests to the unsafe port 1 itself; it shows the same 1006.
    token = subprocess_token(devstack, root) if way.server == "app" else ""
    url = f"{way.scheme}://localhost:{port}{way.path}" + (f"?token={token}" if token else "")
    shown = page.evaluate(SHOWS, [url, [way.subprotocol] if way.subprotocol else [], way.browser])
    if way.browser is not None:
        assert shown == way.browser
    if shown == "open":
        assert predicted == {"opened": True, "close_code": None}
    else:
        assert predicted["close_code"] == (1006 if shown == PENDING else shown)


def _patience(way: Way) -> str:
    """Short only where some answer never comes: what should come may take a busy machine a while."""
    if way.browser == PENDING:
        return "3"
    return "6" if way.server in ("garbage", "verify-client") else "30"


def subprocess_token(devstack: Callable[..., Any], root: Path) -> str:
    return str(devstack("token", "mint", "app", cwd=root).out.strip())


def test_at_least_fourteen_ways_end_as_1006() -> None:
    assert sum(1 for way in WAYS if way.browser in (1006, PENDING)) >= 14
