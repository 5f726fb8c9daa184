"""One hostile stack, every command: no secret, no piece of one and no encoding of one in anything it says or keeps."""

from __future__ import annotations

import base64
import json
import secrets
import signal
import stat
import string
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.e2e

LOADERS = (
    "dotenv",
    "dotenv-expand",
    "node",
    "python-dotenv",
    "pydantic",
    "compose",
    "honcho",
    "shell",
    "next",
    "vite",
)
PIECE = 8  # so many characters of a secret in a row are a leak

SERVICE = """\
import base64, json, os, time, urllib.parse
for name, text in os.environ.items():
    if "SECRET" in name or "URL" in name:
        coded = base64.b64encode(text.encode()).decode()
        for form in (text, urllib.parse.quote(text, safe=""), coded, json.dumps(text)):
            line = f"{name} {form}\\n".encode()
            os.write(1, line[: len(line) // 2])
            time.sleep(0.002)  # two reads
            os.write(1, line[len(line) // 2 :])
os.write(1, b"registered\\n")
time.sleep(600)
"""


class Canaries:
    """Random texts, each used in one place; finds them again, whole, in pieces and encoded."""

    def __init__(self) -> None:
        self._places: dict[str, str] = {}
        self._random = secrets.SystemRandom()

    def new(self, place: str) -> str:
        """A text for `place`: letters of both kinds and digits, so that no fingerprint looks like it."""
        kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
        text = "".join(self._random.choice(kinds[at % 3]) for at in range(24))
        self._places[text] = place
        return text

    def found_in(self, text: str) -> set[str]:
        """The places whose canary shows in `text`."""
        return {
            place
            for canary, place in self._places.items()
            if any(canary[at : at + PIECE] in text for at in range(len(canary) - PIECE + 1))
            or any(form in text for form in _encodings(canary))
        }


def _encodings(canary: str) -> set[str]:
    forms = {canary.encode().hex(), canary[::-1]}
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + canary.encode()).decode()
        forms.add(coded[4:28])
    return forms


def _token(canary: str) -> str:
    parts = [{"alg": "HS256"}, {"sub": "x", "role": canary}]
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*coded, canary])


def _env_file(new: Callable[[str], str]) -> str:
    return f"""\
# JWT_SECRET={new("comment")}
API_SECRET={new("plain")}
DUP_SECRET={new("first of two")}
DUP_SECRET={new("second of two")}
HASH_SECRET={new("before #")}#{new("behind #")}
DOLLAR_SECRET={new("before $")}${new("behind $")}
QUOTE_SECRET="{new("before quote")}\\"{new("behind quote")}'x"
JWT_SECRET={new("shared")}
DATABASE_URL=postgres://app:{new("userinfo")}@localhost:5432/db?password={new("query")}
TORN_URL=postgres://app:{new("torn")}/{new("torn, second half")}@localhost:5432/db
HOOK_URL=https://hooks.example.com/services/{new("path segment")}
NAKED_URL=app:{new("no scheme")}@localhost:5432
SERVICE_JWT={_token(new("token"))}
PRIVATE_KEY="-----BEGIN PRIVATE KEY-----
{new("pem, first line")}
{new("pem, second line")}
-----END PRIVATE KEY-----"
DERIVED=Bearer ${{API_SECRET}}
NEXT_PUBLIC_API_SECRET={new("public")}
WS_URL=ws://u:{new("ws userinfo")}@localhost:1/ws?access_token={new("ws query")}
API SECRET KEY={new("name with spaces")}
{new("line of its own")}
sk-proj-{new("key of its own")}
COLON_SECRET:{new("colon")}
UNCLOSED_SECRET="{new("unclosed")}
"""


def _declared(name: str, new: Callable[[str], str]) -> str:
    kind = name if name in ("next", "vite") else "command"
    own = "" if kind != "command" else 'files = [".env"]\ninject = true\n'
    return f"""
[services.{name}]
type = "{kind}"
dir = "{name}"
command = '{sys.executable} ../serve.py --api-key {new(f"{name}: option")}'
restart = "never"
[services.{name}.env]
loader = "{name}"
example = ".env.example"
set = {{ SET_SECRET = "{new(f"{name}: set")}", SET_URL = "http://u:{new(f"{name}: set URL")}@localhost:1/" }}
{own}"""


@pytest.fixture
def canaries() -> Canaries:
    return Canaries()


@pytest.fixture
def hostile(tree: Callable[[Mapping[str, str]], Path], canaries: Canaries) -> Path:
    """A stack with a secret in every place where a value can stand."""
    new = canaries.new
    files = {"serve.py": SERVICE, "conf.yaml": f"keys:\n  dev: {new('file member')}\n"}
    toml = 'name = "hostile"\nprocfile = "Procfile"\n'
    for name in LOADERS:
        toml += _declared(name, new)
        files[f"{name}/.env"] = _env_file(lambda what, name=name: new(f"{name}: {what}"))  # type: ignore[misc]
        files[f"{name}/.env.example"] = f"MISSING_SECRET={new(f'{name}: example')}\nJWT_SECRET=\n"
        files[f"{name}/app.py"] = (
            f'import os\nos.environ.get("API_SECRET", "{new(f"{name}: fallback")}")\n'
            f'os.getenv("WS_URL2") or "ws://u:{new(f"{name}: fallback URL")}@localhost:9/"\n'
        )
        files[f"{name}/app.ts"] = (
            f'process.env.NEXTAUTH_SECRET || "{new(f"{name}: ts fallback")}";\n'
            f'process.env.NEXT_PUBLIC_WS_URL ?? "ws://u:{new(f"{name}: ts fallback URL")}@localhost:1/ws";\n'
        )
        files[f"{name}/package.json"] = json.dumps(
            {
                "dependencies": {"next": "^15.0.0"},
                "scripts": {
                    "dev": f"API_KEY={new(f'{name}: script')} next dev --token {new(f'{name}: script option')}"
                },
            }
        )
    toml += f"""
[services.one]
type = "command"
[services.one.ready]
command = 'false || curl -H "Authorization: Bearer {new("probe header")}" http://u:{new("probe URL")}@127.0.0.1:1/'
within = "1s"
[services.ext]
type = "external"
url = "ws://u:{new("external")}@127.0.0.1:1/x?token={new("external query")}"
[services.ext.websocket.token]
in = "query"
name = "token"
secret = "jwt"
[shared.jwt]
secret = true
members = [{", ".join(f'"{name}:JWT_SECRET"' for name in LOADERS)}, "file:conf.yaml#keys.dev", "={new("literal")}"]
[shared.db]
members = ["dotenv:DATABASE_URL#password", "node:DATABASE_URL#password"]
[[distinct]]
members = ["dotenv:API_SECRET", "node:API_SECRET"]
[[links]]
from = "next:WS_URL"
to = "ext"
[[links]]
from = "dotenv:TORN_URL"
to = "ext"
[[links]]
from = "node:API_SECRET"
to = "ext"
"""
    files["stack.toml"] = toml
    files["Procfile"] = (
        f"one: INLINE_SECRET={new('inline')} {sys.executable} serve.py --token={new('Procfile option')}\n"
    )
    files["compose.yaml"] = (
        f"services:\n  db:\n    image: x\n    environment:\n      PASSWORD: {new('compose file')}\n"
    )
    return tree(files)


@pytest.fixture
def exported(canaries: Canaries) -> dict[str, str]:
    return {
        "PROC_SECRET": canaries.new("exported"),
        "PROC_URL": f"http://u:{canaries.new('exported URL')}@h/",
    }


READING = [
    *(("doctor", "--format", form) for form in ("text", "json", "sarif", "github")),
    ("doctor", "--live"),
    ("doctor", "--explain-settings"),
    ("env",),
    ("env", "--json"),
    ("env", "--diff", "dotenv", "node"),
    ("env", "--json", "--diff", "next", "vite"),
    *(
        ("env", "why", name, *form)
        for name in (
            "API_SECRET",
            "DOLLAR_SECRET",
            "DATABASE_URL",
            "TORN_URL",
            "SET_SECRET",
            "NEXTAUTH_SECRET",
        )
        for form in ((), ("--json",))
    ),
    ("env", "sync", "--dry-run"),
    ("env", "set", "dotenv:DUP_SECRET", "other", "--dry-run"),
    ("env", "set", "dotenv:NAKED_URL", "other", "--dry-run"),
    ("env", "rotate", "jwt", "--dry-run"),
    ("ports",),
    ("ports", "--json"),
    ("ps",),
    ("graph",),
    ("graph", "--format", "dot"),
    ("init", "--dry-run"),
    ("ws", "ext"),
    ("ws", "ext", "--json"),
    ("token", "check", "a.b.c"),
]


def test_no_command_shows_a_secret_of_a_hostile_stack(
    hostile: Path, exported: dict[str, str], canaries: Canaries, devstack: Callable[..., Any]
) -> None:
    leaks = {}
    for argv in READING:
        done = devstack(*argv, cwd=hostile, env=exported)
        assert done.code in (0, 1, 5, 6), (argv, done.err)
        if found := canaries.found_in(done.out + done.err):
            leaks[" ".join(argv)] = found

    assert leaks == {}


def test_an_export_names_secrets_and_copies_commands_only(
    hostile: Path, exported: dict[str, str], canaries: Canaries, devstack: Callable[..., Any]
) -> None:
    for target in ("procfile", "compose", "systemd"):
        done = devstack("export", target, cwd=hostile, env=exported)
        found = canaries.found_in(done.out + done.err)

        assert done.code == 0
        assert {
            place for place in found if "option" not in place and not place.startswith("probe")
        } == set(), target


def test_the_diffs_of_fixes_show_no_secret(
    hostile: Path, exported: dict[str, str], canaries: Canaries, devstack: Callable[..., Any]
) -> None:
    done = devstack("doctor", "--fix", "--unsafe-fixes", cwd=hostile, env=exported)

    assert canaries.found_in(done.out + done.err) == set()


BAD_FILES = {
    "a member that is none": 'members = ["{}", "a:B"]',
    "a torn member": 'members = ["a:{} x"]',
    "text where a link belongs": 'members = ["http://u:{}@h"]',
    "broken TOML": 'members = ["{}" x]',
    "a wrong type": 'members = {{ a = "{}" }}',
    "an unknown key": 'member = "{}"',
}


@pytest.mark.parametrize("line", BAD_FILES.values(), ids=BAD_FILES)
@pytest.mark.parametrize(
    "argv", [("env",), ("doctor",), ("doctor", "--json"), ("doctor", "--format", "github")]
)
def test_a_mistake_in_stack_toml_is_told_without_the_text_that_is_wrong(
    tree: Any, canaries: Canaries, devstack: Callable[..., Any], line: str, argv: tuple[str, ...]
) -> None:
    text = line.format(canaries.new("stack.toml"))
    root = tree(
        {"stack.toml": f'[services.a]\ntype = "command"\ncommand = "x"\n[shared.x]\nsecret = true\n{text}\n'}
    )

    done = devstack(*argv, cwd=root)

    assert done.code in (1, 2)
    assert canaries.found_in(done.out + done.err) == set()


STEERING = "\x1b]0;x\x07\x1b[2J\u202e\x9b"


@pytest.mark.parametrize(
    "argv", [("env",), ("doctor",), ("doctor", "--format", "github"), ("graph",), ("up", "--wait")]
)
def test_names_of_others_steer_no_terminal(
    tree: Any, devstack: Callable[..., Any], argv: tuple[str, ...]
) -> None:
    name = json.dumps(STEERING)[1:-1].replace("\x9b", "\\u009b")
    root = tree({"stack.toml": f'name = "n{name}"\n[services."a{name}"]\ntype = "t{name}"\n'})

    done = devstack(*argv, cwd=root)

    assert done.code in (1, 2)
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(done.out + done.err)


def test_a_run_keeps_and_shows_no_secret_that_its_services_print(
    hostile: Path,
    exported: dict[str, str],
    canaries: Canaries,
    up: Callable[..., Any],
    devstack: Callable[..., Any],
) -> None:
    run = up("--no-doctor", "--yes", "dotenv", "python-dotenv", "next", "one", cwd=hostile, env=exported)
    run.until("service.failed", service="one")  # its probe fails; the others print all the time
    shown = [devstack(*argv, cwd=hostile, env=exported) for argv in (("ps",), ("ps", "--json"), ("logs",))]
    run.end(signal.SIGINT)
    kept = [path for path in (hostile / ".devstack").rglob("*") if path.is_file()]

    said = "".join(one.out + one.err for one in shown) + json.dumps(run.events) + run.errors
    assert "[redacted]" in said
    assert canaries.found_in(said) == set()
    assert {path.name: canaries.found_in(path.read_text(errors="replace")) for path in kept} == {
        path.name: set() for path in kept
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert stat.S_IMODE((hostile / ".devstack").stat().st_mode) == 0o700


def test_encodings_are_found_by_the_search_itself(canaries: Canaries) -> None:
    text = canaries.new("here")
    for form in (
        text,
        text[3:12],
        base64.b64encode(text.encode()).decode(),
        quote(text),
        text.encode().hex(),
    ):
        assert canaries.found_in(f"x {form} y") == {"here"}
