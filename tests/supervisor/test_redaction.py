from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.env.files import Files
from devstack.env.resolve import resolve
from devstack.stack.load import load
from devstack.supervisor.redaction import Secrets

FIRST, SECOND, THIRD = "9f1c3a7e55d04b62", "c04d8e11aa7b9f36", "77ab20fe94c1d853"
FOURTH = "5be8d00214c7af93"
STACK = """
name = "x"
[services.web]
type = "command"
command = "true"
dir = "web"
[services.ws]
type = "command"
command = "true"
dir = "ws"
"""


@pytest.fixture
def root(tree: Callable[[Mapping[str, str]], Path]) -> Path:
    return tree({"stack.toml": STACK, "ws/.env": f"API_SECRET={FIRST}\n", "web/.env": "A=1\n"})


def test_the_secret_of_a_service_that_was_not_started_is_hidden(root: Path) -> None:
    stream = Secrets(load(root / "stack.toml"), {}).stream()
    assert stream.feed(f"got {FIRST}\n".encode()) == b"got [redacted]\n"


def test_a_stream_that_runs_hides_what_is_learned_later_and_what_was_known_before(root: Path) -> None:
    stack = load(root / "stack.toml")
    secrets = Secrets(stack, {"OLD_SECRET": THIRD})
    stream = secrets.stream()
    assert stream.feed(f"{SECOND}\n".encode()) == f"{SECOND}\n".encode()
    (root / "ws" / ".env").write_text(f"API_SECRET={SECOND}\n")
    secrets.learn(resolve(stack, process={}, files=Files(root)).values())
    assert stream.feed(f"{FIRST} {SECOND} {THIRD}\n".encode()) == b"[redacted] [redacted] [redacted]\n"


def test_another_stack_adds_its_secrets(
    root: Path, tree: Callable[[Mapping[str, str]], Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    secrets = Secrets(load(root / "stack.toml"), {})
    stream = secrets.stream()
    assert stream.feed(f"{FIRST}\n".encode()) == b"[redacted]\n"
    other = tmp_path_factory.mktemp("other")
    (other / "stack.toml").write_text('name = "y"\n[services.new]\ntype = "command"\ncommand = "true"\n')
    (other / ".env").write_text(f"NEW_SECRET={SECOND}\n")
    secrets.adopt(load(other / "stack.toml"))
    assert stream.feed(f"{FIRST} {SECOND}\n".encode()) == b"[redacted] [redacted]\n"


MEMBERS = """
[shared.key]
members = ["web:KEY", "file:livekit.yaml#keys.dev", "ws:BACKEND#user", "=5be8d00214c7af93"]
secret = true
"""


def test_a_shared_secret_is_hidden_wherever_its_members_are_kept(
    tree: Callable[[Mapping[str, str]], Path],
) -> None:
    root = tree(
        {
            "stack.toml": STACK + MEMBERS,
            "livekit.yaml": f"keys:\n  dev: {FIRST}\n",
            "ws/.env": f"BACKEND=redis://{SECOND}@localhost:6379\n",
            "web/.env": f"KEY={THIRD}\n",
        }
    )
    secrets = Secrets(load(root / "stack.toml"), {})
    every = f"{FIRST} {SECOND} {THIRD} {FOURTH}\n"
    assert secrets.stream().feed(every.encode()) == b"[redacted] [redacted] [redacted] [redacted]\n"
    (root / "livekit.yaml").write_text(f"keys:\n  dev: {(changed := '0a9d3c5b7e1f2468')}\n")
    secrets.learn(())
    assert secrets.stream().feed(f"{FIRST} {changed}\n".encode()) == b"[redacted] [redacted]\n"


def test_nothing_goes_out_with_less_when_reading_failed_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = Secrets(load(root / "stack.toml"), {})
    stream = secrets.stream()

    def fail(environments: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(secrets, "learn", fail)
        with pytest.raises(MemoryError):
            stream.feed(f"{FIRST}\n".encode())
    assert FIRST.encode() not in stream.feed(f"{FIRST}\n".encode())
