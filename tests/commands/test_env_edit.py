"""`env sync`, `env set`, `env rotate` as a person runs them."""

from __future__ import annotations

import re
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import dotenv
import pytest

Tree = Callable[[Mapping[str, str | bytes]], Path]


class Outcome(Protocol):
    code: int
    out: str
    err: str


STACK = """
[services.web]
type = "next"
dir = "web"

[services.ws]
type = "python"
dir = "ws"
command = "python main.py"

[shared.jwt]
secret = true
members = ["web:JWT_SECRET", "ws:JWT_SECRET|NEXTAUTH_SECRET"]

[shared.url]
members = ["web:NEXT_PUBLIC_WS_URL", "ws:WS_URL"]
"""
REAL = "Zk3vP0q8sT1uW5xY7zA2bC4dE6fG9hJ-mN_oQrStUvw"
OTHER = "Aa1Bb2Cc3Dd4Ee5Ff6Gg7Hh8Ii9Jj0Kk1Ll2Mm3Nn4O"


def values(path: Path) -> dict[str, str | None]:
    return dotenv.dotenv_values(path)


def everything(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_a_fresh_clone_gets_its_files_and_one_generated_secret(
    tree: Tree, devstack: Callable[..., Outcome]
) -> None:
    root = tree(
        {
            "stack.toml": STACK,
            "web/.env.example": "# sign-in\nJWT_SECRET=change-me\nNEXT_PUBLIC_WS_URL=ws://localhost:3001\n",
            "ws/.env.example": "JWT_SECRET=change-me\nWS_URL=\nLOG_LEVEL=debug\n",
        }
    )

    done = devstack("env", "sync", "--yes", cwd=root)

    web, ws = values(root / "web/.env.local"), values(root / "ws/.env")
    assert done.code == 0
    assert re.fullmatch(r"[\w-]{43}", web["JWT_SECRET"] or "")
    assert ws == {"JWT_SECRET": web["JWT_SECRET"], "WS_URL": "ws://localhost:3001", "LOG_LEVEL": "debug"}
    assert (root / "web/.env.local").read_text().startswith("# sign-in\n")
    assert stat.S_IMODE((root / "ws/.env").stat().st_mode) == 0o600
    assert (web["JWT_SECRET"] or "") not in done.out + done.err


def test_a_second_sync_finds_nothing_to_do(tree: Tree, devstack: Callable[..., Outcome]) -> None:
    root = tree({"stack.toml": STACK, "web/.env.example": "NEXT_PUBLIC_WS_URL=ws://a:1\n", "ws/main.py": ""})
    devstack("env", "sync", "--yes", cwd=root)
    before = everything(root)

    done = devstack("env", "sync", "--yes", cwd=root)

    assert (done.code, everything(root)) == (0, before)
    checked = devstack("env", "sync", "--check", cwd=root)
    assert (checked.code, checked.out) == (0, "every env file is complete\n")


def test_a_service_whose_folder_is_missing_does_not_stop_the_others(
    tree: Tree, devstack: Callable[..., Outcome]
) -> None:
    root = tree({"stack.toml": STACK, "web/.env.example": "NEXT_PUBLIC_WS_URL=ws://a:1\n"})

    done = devstack("env", "sync", "--yes", cwd=root)

    assert done.code == 0
    assert "the folder of ws does not exist" in done.out
    assert (root / "web/.env.local").exists()


def test_check_says_what_is_missing_and_writes_nothing(tree: Tree, devstack: Callable[..., Outcome]) -> None:
    root = tree({"stack.toml": STACK, "web/.env.example": "NEXT_PUBLIC_WS_URL=ws://localhost:3001\n"})
    before = everything(root)

    done = devstack("env", "sync", "--check", cwd=root)

    assert done.code == 1
    assert "web/.env.local" in done.out
    assert everything(root) == before


def test_a_real_value_is_copied_and_never_overwritten(tree: Tree, devstack: Callable[..., Outcome]) -> None:
    root = tree(
        {
            "stack.toml": STACK,
            "web/.env.local": f"# mine\nexport JWT_SECRET='{REAL}' # keep\nNEXT_PUBLIC_WS_URL=ws://localhost:9\n",
            "ws/.env": "A=1\r\nJWT_SECRET=\r\nWS_URL=ws://localhost:9\r\n",
        }
    )
    web = (root / "web/.env.local").read_bytes()

    done = devstack("env", "sync", "--yes", cwd=root)

    assert done.code == 0
    assert (root / "web/.env.local").read_bytes() == web
    assert (
        root / "ws/.env"
    ).read_bytes() == f"A=1\r\nJWT_SECRET={REAL}\r\nWS_URL=ws://localhost:9\r\n".encode()


def test_two_different_real_values_are_left_to_the_person(
    tree: Tree, devstack: Callable[..., Outcome]
) -> None:
    root = tree(
        {
            "stack.toml": STACK,
            "web/.env": f"JWT_SECRET={REAL}\nNEXT_PUBLIC_WS_URL=ws://localhost:9\n",
            "ws/.env": f"JWT_SECRET={OTHER}\nWS_URL=ws://localhost:9\n",
        }
    )
    before = everything(root)

    done = devstack("env", "sync", "--yes", cwd=root)

    assert everything(root) == before
    assert "shared-mismatch" in done.out
    assert REAL not in done.out


def test_an_alternative_name_that_is_set_counts(tree: Tree, devstack: Callable[..., Outcome]) -> None:
    root = tree(
        {
            "stack.toml": STACK,
            "web/.env": "NEXT_PUBLIC_WS_URL=ws://localhost:9\n",
            "ws/.env": f"NEXTAUTH_SECRET={REAL}\nWS_URL=ws://localhost:9\n",
        }
    )

    devstack("env", "sync", "--yes", cwd=root)

    assert values(root / "web/.env.local") == {"JWT_SECRET": REAL}
    assert "JWT_SECRET=" not in (root / "ws/.env").read_text().replace("NEXTAUTH_SECRET", "")


def test_missing_names_are_added_and_commented_ones_respected(
    tree: Tree, devstack: Callable[..., Outcome]
) -> None:
    root = tree(
        {
            "stack.toml": '[services.ws]\ntype = "python"\ncommand = "python main.py"\n',
            ".env": "A=mine\n# B=not wanted\n",
            ".env.example": 'A=example\nB=2\nC="three"\n',
        }
    )

    devstack("env", "sync", "--yes", cwd=root)

    assert (root / ".env").read_text() == 'A=mine\n# B=not wanted\nC="three"\n'


def test_credentials_that_a_provider_issues_are_not_invented(
    tree: Tree, devstack: Callable[..., Outcome]
) -> None:
    stack = STACK.replace("JWT_SECRET", "LIVEKIT_API_SECRET")
    root = tree(
        {"stack.toml": stack, "web/.env": "NEXT_PUBLIC_WS_URL=ws://a:1\n", "ws/.env": "WS_URL=ws://a:1\n"}
    )
    before = everything(root)

    done = devstack("env", "sync", "--yes", cwd=root)

    assert everything(root) == before
    assert "devstack env set web:LIVEKIT_API_SECRET" in done.out


def test_a_secret_does_not_go_into_a_tracked_file(tree: Tree, devstack: Callable[..., Outcome]) -> None:
    root = tree(
        {
            "stack.toml": STACK,
            "web/.env": "JWT_SECRET=change-me\nNEXT_PUBLIC_WS_URL=ws://a:1\n",
            "ws/.env": f"JWT_SECRET={REAL}\nWS_URL=ws://a:1\n",
        }
    )
    git(root, "init", "-q")
    git(root, "add", "web/.env")

    devstack("env", "sync", "--yes", cwd=root)

    assert values(root / "web/.env.local") == {"JWT_SECRET": REAL}
    assert "change-me" in (root / "web/.env").read_text()


def git(root: Path, *argv: str) -> None:

    subprocess.run(["git", *argv], cwd=root, check=True, capture_output=True)


def test_set_writes_every_member_in_its_own_dialect(tree: Tree, devstack: Callable[..., Outcome]) -> None:
    root = tree({"stack.toml": STACK, "web/.env.local": "JWT_SECRET=a\n", "ws/.env": "JWT_SECRET=b\n"})

    done = devstack("env", "set", "ws:JWT_SECRET", "-", cwd=root, stdin="pa$word\n")

    assert done.code == 0
    assert values(root / "ws/.env")["JWT_SECRET"] == "pa$word"
    assert (root / "web/.env.local").read_text() != (root / "ws/.env").read_text()
    assert "pa$word" not in done.out + done.err
    assert devstack("env", "sync", "--check", cwd=root, stdin="").out.count("shared-mismatch") == 0


def test_set_writes_a_single_variable(tree: Tree, devstack: Callable[..., Outcome]) -> None:
    root = tree({"stack.toml": STACK, "ws/.env": "A=1"})

    done = devstack("env", "set", "ws:PORT", "8100", cwd=root)

    assert done.code == 0
    assert (root / "ws/.env").read_text() == "A=1\nPORT=8100"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("JWT_SECRTE", "JWT_SECRET"),  # what the source reads
        ("LOG_LEVL", "LOG_LEVEL"),  # what the file has
        ("WS_PORT", None),
        ("JWT_SECRET", None),
        ("JWT_SECRETS", None),  # what stack.toml speaks of
    ],
)
def test_set_asks_whether_a_new_name_was_meant_and_writes_it(
    tree: Tree, devstack: Callable[..., Outcome], name: str, near: str | None
) -> None:
    declared = '[services.api]\ntype = "python"\ncommand = "python main.py"\n[doctor]\nrequired.api = ["JWT_SECRETS"]\n'
    source = 'import os\n\nos.environ["JWT_SECRET"]\n'
    root = tree({"stack.toml": declared, "main.py": source, ".env": "LOG_LEVEL=debug\n"})

    done = devstack("env", "set", f"api:{name}", "text", cwd=root)

    assert (done.code, values(root / ".env")[name]) == (0, "text")
    assert done.err == (f"note: api does not read {name}; did you mean {near}?\n" if near else "")


def test_set_refuses_when_the_value_would_not_arrive(tree: Tree, devstack: Callable[..., Outcome]) -> None:
    root = tree({"stack.toml": STACK, "ws/.env": "A=1\n"})

    done = devstack("env", "set", "ws:A", "2", cwd=root, env={"A": "exported"})

    assert done.code == 5
    assert (root / "ws/.env").read_text() == "A=1\n"


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (("set", "wss:A", "1"), "did you mean `ws`"),
        (("set", "nothing", "1"), "SERVICE:NAME"),
        (("set", "ws:A B", "1"), "A B"),
        (("rotate", "jwd"), "did you mean `jwt`"),
        (("rotate", "url"), "secret = true"),
    ],
)
def test_a_wrong_argument_is_one_clear_error(
    tree: Tree, devstack: Callable[..., Outcome], argv: tuple[str, ...], word: str
) -> None:
    root = tree({"stack.toml": STACK})

    done = devstack("env", *argv, cwd=root)

    assert done.code == 2
    assert word in done.err
    assert "Traceback" not in done.err


def test_rotate_gives_all_members_one_new_value(tree: Tree, devstack: Callable[..., Outcome]) -> None:
    root = tree(
        {"stack.toml": STACK, "web/.env.local": f"JWT_SECRET={REAL}\n", "ws/.env": f"JWT_SECRET='{REAL}'\n"}
    )

    done = devstack("env", "rotate", "jwt", "--yes", cwd=root)

    new = values(root / "ws/.env")["JWT_SECRET"]
    assert done.code == 0
    assert new != REAL
    assert new == values(root / "web/.env.local")["JWT_SECRET"]
    assert (root / "ws/.env").read_text() == f"JWT_SECRET='{new}'\n"
    assert REAL not in done.out
    assert (new or "") not in done.out


def test_rotate_without_anybody_to_ask_writes_nothing(tree: Tree, devstack: Callable[..., Outcome]) -> None:
    root = tree(
        {"stack.toml": STACK, "web/.env.local": f"JWT_SECRET={REAL}\n", "ws/.env": f"JWT_SECRET={REAL}\n"}
    )
    before = everything(root)

    done = devstack("env", "rotate", "jwt", cwd=root)

    assert (done.code, everything(root)) == (5, before)


def test_a_dry_run_writes_nothing(tree: Tree, devstack: Callable[..., Outcome]) -> None:
    root = tree({"stack.toml": STACK, "ws/.env": "A=1\n"})
    before = everything(root)

    done = devstack("env", "set", "ws:A", "2", "--dry-run", cwd=root)

    assert "+A=2" in done.out
    assert everything(root) == before
