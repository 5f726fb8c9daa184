"""Story 4: LiveKit client, server and agent must agree on URL, key and secret, and start in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.conftest import Outcome
from tests.e2e.conftest import Run
from tests.e2e.stories.conftest import Doctor

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

LIVEKIT = (Path(__file__).parent / "livekit_server.py").read_text()
CLIENT = "export const url = import.meta.env.VITE_LIVEKIT_URL || 'ws://localhost:7880';\n"
SERVER = """
import os
from dotenv import load_dotenv
load_dotenv()
settings = os.environ["LIVEKIT_URL"], os.environ["LIVEKIT_API_KEY"], os.environ["LIVEKIT_API_SECRET"]
"""
AGENT = """
import os, time
from dotenv import load_dotenv
load_dotenv()
settings = os.environ["LIVEKIT_URL"], os.environ["LIVEKIT_API_KEY"], os.environ["LIVEKIT_API_SECRET"]
print("registered worker", flush=True)
time.sleep(3600)
"""


def test_every_fault_of_the_three_is_reported(
    tree: Callable[..., Path],
    free_port: Callable[[], int],
    doctor: Callable[..., Doctor],
    devstack: Callable[..., Outcome],
    secret: str,
) -> None:
    stack = f"""
name = "livekit"
[services.client]
type = "vite"
dir = "client"
port = {free_port()}
depends_on = ["agent"]
[services.server]
type = "python"
dir = "server"
command = "python main.py"
[services.agent]
type = "livekit-agent"
dir = "agent"
command = "python voice_agent.py dev"
env = {{ files = [".env"] }}
depends_on = ["server"]
[services.livekit]
type = "external"
url = "server:LIVEKIT_URL"
[shared.livekit-url]
members = ["client:VITE_LIVEKIT_URL", "server:LIVEKIT_URL", "agent:LIVEKIT_URL"]
[shared.livekit-secret]
secret = true
members = ["server:LIVEKIT_API_SECRET", "agent:LIVEKIT_API_SECRET"]
"""
    root = tree(
        {
            "stack.toml": stack,
            "client/package.json": '{"scripts": {"dev": "vite"}, "devDependencies": {"vite": "8.3.8"}}',
            "client/index.html": '<!doctype html><script type="module" src="/src/main.ts"></script>',
            "client/src/main.ts": CLIENT,
            "client/.env": "VITE_LIVEKIT_URL=\n",
            "server/main.py": SERVER,
            "server/.env": f'LIVEKIT_URL="wss://demo.livekit.cloud"\nLIVEKIT_API_KEY=APIx\nLIVEKIT_API_SECRET={secret}\n',
            "agent/.env.example": "LIVEKIT_URL=\nLIVEKIT_API_KEY=\nLIVEKIT_API_SECRET=\n",
        }
    )
    report = doctor(root)
    assert {"empty-value", "fallback-url-in-source", "missing-env-file", "missing-entrypoint"} <= report.rules
    assert "client/.env:1" in report.places("empty-value")
    assert "client/src/main.ts:1" in report.places("fallback-url-in-source")
    said = {finding["rule"]: finding["message"] for finding in report.findings}
    assert "ws://localhost:7880" in said["fallback-url-in-source"]
    assert "voice_agent.py" in said["missing-entrypoint"]
    assert "shared-mismatch" in report.errors
    assert secret not in report.text
    assert devstack("env", "sync", cwd=root).code == 0
    after = doctor(root)
    assert not {"missing-env-file", "empty-value", "shared-mismatch"} & after.rules
    assert secret in (root / "agent" / ".env").read_text()


def test_a_development_pair_is_fine_here_and_an_error_elsewhere(
    tree: Callable[..., Path], free_port: Callable[[], int], doctor: Callable[..., Doctor]
) -> None:
    stack = f"""
[services.web]
type = "vite"
dir = "web"
port = {free_port()}
[services.agent]
type = "python"
dir = "agent"
command = "python voice_agent.py"
[shared.livekit-url]
members = ["web:VITE_LIVEKIT_URL", "agent:LIVEKIT_URL"]
"""

    def rules(url: str) -> set[str]:
        pair = "LIVEKIT_API_KEY=devkey\nLIVEKIT_API_SECRET=secret\n"
        return doctor(
            tree(
                {
                    "stack.toml": stack,
                    "web/package.json": '{"scripts": {"dev": "vite"}, "devDependencies": {"vite": "8.3.8"}}',
                    "web/src/main.ts": "export const url = import.meta.env.VITE_LIVEKIT_URL;\n",
                    "web/.env": f"VITE_LIVEKIT_URL={url}\n",
                    "agent/voice_agent.py": AGENT,
                    "agent/.env": f"LIVEKIT_URL={url}\n{pair}",
                }
            )
        ).rules

    here, there = rules("ws://localhost:7880"), rules("ws://live.acme.dev")
    assert not {"livekit-credentials", "insecure-remote-websocket"} & here
    assert {"livekit-credentials", "insecure-remote-websocket"} <= there


def stack_with_server(port: int, server_key: str, server_secret: str) -> str:
    return f"""
name = "livekit-local"
[services.livekit]
type = "python"
dir = "livekit"
command = "python livekit_server.py"
port = {port}
port_env = "PORT"
env = {{ set = {{ LIVEKIT_API_KEY = "{server_key}", LIVEKIT_API_SECRET = "{server_secret}" }} }}
ready = {{ http = "/" }}
[services.livekit.websocket]
protocol = "livekit"
path = "/rtc"
[services.livekit.websocket.token]
secret = "livekit-secret"
[services.agent]
type = "livekit-agent"
dir = "agent"
command = "python voice_agent.py dev"
env = {{ files = [".env"] }}
depends_on = ["livekit"]
[shared.livekit-key]
members = ["livekit:LIVEKIT_API_KEY", "agent:LIVEKIT_API_KEY"]
[shared.livekit-secret]
secret = true
members = ["livekit:LIVEKIT_API_SECRET", "agent:LIVEKIT_API_SECRET"]
[[links]]
from = "agent:LIVEKIT_URL"
to = "livekit"
"""


def test_with_one_pair_the_server_starts_before_the_agent_and_the_socket_opens(
    tree: Callable[..., Path],
    free_port: Callable[[], int],
    up: Callable[..., Run],
    ws: Callable[..., dict[str, Any]],
    devstack: Callable[..., Outcome],
    secret: str,
) -> None:
    port = free_port()
    env = f"LIVEKIT_URL=ws://localhost:{port}\nLIVEKIT_API_KEY=APIkey\nLIVEKIT_API_SECRET={secret}\n"
    root = tree(
        {
            "stack.toml": stack_with_server(port, "APIkey", secret),
            "livekit/livekit_server.py": LIVEKIT,
            "agent/voice_agent.py": AGENT,
            "agent/.env": env,
        }
    )
    run = up("--no-doctor", cwd=root)
    run.until("run.ready")
    order = [event["service"] for event in run.events if event["event"] == "service.ready"]
    assert order == ["livekit", "agent"]
    told = ws(root, "livekit")
    assert told["verdict"]["code"] == "ok", told
    assert any("/rtc/v1" in step["detail"] for step in told["steps"] if step["name"] == "livekit")

    claims = {"iss": "APIkey", "sub": "visitor", "exp": int(time.time()) + 3600}
    without_grant = jwt.encode(claims, secret, algorithm="HS256")
    refused = ws(root, "livekit", "--token", without_grant)["verdict"]
    assert refused["code"] == "unauthorized"
    assert "no grant to join a room" in refused["message"]
    offline = devstack("token", "check", without_grant, cwd=root)
    assert offline.code == 1
    assert "video.roomJoin" in offline.out
    nobody = jwt.encode({**claims, "sub": "", "video": {"roomJoin": True}}, secret, algorithm="HS256")
    assert "names nobody" in ws(root, "livekit", "--token", nobody)["verdict"]["message"]
    assert run.interrupt() == 130


@pytest.mark.parametrize(
    ("key", "own_secret", "cause"),
    [("APIkey", True, "LIVEKIT_API_SECRET differs"), ("APIother", False, "LIVEKIT_API_KEY differs")],
)
def test_a_wrong_secret_and_a_wrong_key_are_told_apart(
    tree: Callable[..., Path],
    free_port: Callable[[], int],
    up: Callable[..., Run],
    ws: Callable[..., dict[str, Any]],
    doctor: Callable[..., Doctor],
    secret: str,
    key: str,
    own_secret: bool,
    cause: str,
) -> None:
    port = free_port()
    server_secret = secret[::-1] if own_secret else secret
    stack = stack_with_server(port, key, server_secret).replace(
        'path = "/rtc"', 'path = "/rtc"\nprobe = true'
    )
    # The agent's pair is what clients of this stack sign with; the server was started with another one.
    env = f"LIVEKIT_URL=ws://localhost:{port}\nLIVEKIT_API_KEY=APIkey\nLIVEKIT_API_SECRET={secret}\n"
    files = {
        "stack.toml": stack,
        "livekit/livekit_server.py": LIVEKIT,
        "agent/voice_agent.py": AGENT,
        "agent/.env": env,
    }
    root = tree(files)
    run = up("--no-doctor", "livekit", cwd=root)
    run.until("service.started", service="livekit")
    while "WebSocket" not in str(run.until("service.probe_failed", service="livekit")):
        continue  # before it listens, that is what the gate tells
    told = ws(root, "livekit")
    assert told["verdict"]["code"] == "unauthorized"
    assert cause in told["verdict"]["message"]
    live = doctor(root, "--live")
    (refused,) = (one for one in live.findings if one["rule"] == "token-rejected")
    assert cause in refused["message"]
    assert "eyJ" not in live.text  # LiveKit's own words echo the token
    assert secret not in str(told)
    assert run.interrupt() == 130
