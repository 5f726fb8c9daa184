"""stack.toml: every mistake at once, each with file, line, key and what to write instead."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.errors import StackFileError
from devstack.stack.load import find, load, load_tolerant
from devstack.stack.model import Condition, OnChange, ProbeKind, Reference, RestartMode

Tree = Callable[[Mapping[str, str | bytes]], Path]

MISTAKES = """\
nmae = "demo"
procfile = "Procfile.missing"

[services.web]
type = "nxt"
port = 70000
depend_on = ["ws"]

[services.ws]
type = "python"
command = "python ws.py"
port = 3001
stop = { grace = 5 }
depends_on = ["agnet"]

  [services.ws.ready]
  http = "/health"
  log = "listening"

[services.agent]
type = "command"
command = "python agent.py"
depends_on = ["agent"]
restart = { backoff = "1s..500ms" }

[shared.jwt]
members = ["web:JWT_SECRET", "wss:JWT_SECRET"]
"""

# (line, key, a part of the message or the suggestion)
EXPECTED = [
    (1, "nmae", "did you mean `name`?"),
    (2, "procfile", "does not exist"),
    (5, "services.web.type", "did you mean `next`?"),
    (6, "services.web.port", "at most 65535"),
    (7, "services.web.depend_on", "did you mean `depends_on`?"),
    (13, "services.ws.stop.grace", "must be text in quotes, not the number 5"),
    (14, "services.ws.depends_on.0", "did you mean `agent`?"),
    (16, "services.ws.ready", "exactly one"),
    (23, "services.agent.depends_on.0", "cannot depend on itself"),
    (24, "services.agent.restart.backoff", "shorter than the first"),
    (27, "shared.jwt.members.1", "did you mean `ws`?"),
]


def problems_of(path: Path) -> list[tuple[int | None, str, str]]:
    _, problems = load_tolerant(path)
    return [(one.line, one.key, f"{one.message} {one.suggestion or ''}") for one in problems]


def test_every_mistake_is_reported_at_once_with_its_line(tree: Tree) -> None:
    found = sorted(problems_of(tree({"stack.toml": MISTAKES}) / "stack.toml"))

    assert [(line, key) for line, key, _ in found] == [(line, key) for line, key, _ in EXPECTED]
    for (_, _, text), (_, _, part) in zip(found, EXPECTED, strict=True):
        assert part in text


@pytest.mark.e2e
@pytest.mark.parametrize("argv", [("graph",), ("schema", "--check")])
def test_the_command_line_prints_all_of_them_and_exits_with_2(
    tree: Tree, devstack: Callable[..., object], argv: tuple[str, ...]
) -> None:
    folder = tree({"stack.toml": MISTAKES})

    done = devstack(*argv, cwd=folder)

    assert done.code == 2  # type: ignore[attr-defined]
    lines = done.err.splitlines()  # type: ignore[attr-defined]
    assert lines[0] == "error: stack.toml has 11 mistakes"
    for line, (number, key, _) in zip(lines[1:12], EXPECTED, strict=True):
        assert line.startswith(f"  stack.toml:{number}: {key}: ")


def one_mistake(tree: Tree, body: str, **files: str) -> tuple[int | None, str, str]:
    service = '[services.web]\ntype = "command"\ncommand = "run"\nport = 3000\n'
    folder = tree({"stack.toml": service + body, **files})
    found = problems_of(folder / "stack.toml")
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("body", "line", "key", "part"),
    [
        ("host = 3\n", 5, "services.web.host", "must be text"),
        ("oneshot = 1\n", 5, "services.web.oneshot", "must be true or false"),
        ('port_env = "A B"\n', 5, "services.web.port_env", "not a variable name"),
        ("ports = { main = 3001 }\n", 5, "services.web.ports.main", "`port`"),
        ('ports = { hmr = "1" }\n', 5, "services.web.ports.hmr", "a whole number, not text"),
        ("ports = { hmr = 0 }\n", 5, "services.web.ports.hmr", "at least 1"),
        ("ready = {}\n", 5, "services.web.ready", "it has none"),
        ("ready = { tcp = false }\n", 5, "services.web.ready.tcp", "must be true"),
        ('ready = { log = "(" }\n', 5, "services.web.ready.log", "not a regular expression"),
        ('ready = { log = "x", status = 200 }\n', 5, "services.web.ready.status", "only a `http` probe"),
        ('ready = { http = "health" }\n', 5, "services.web.ready.http", 'starts with "/"'),
        ('ready = { tcp = true, within = "5" }\n', 5, "services.web.ready.within", "has no unit"),
        ('stop = { signal = "SIGFOO" }\n', 5, "services.web.stop.signal", "not a signal"),
        ('restart = "sometimes"\n', 5, "services.web.restart", "never, on-failure, always"),
        ("restart = 3\n", 5, "services.web.restart", "text in quotes or a table"),
        ('url = "ws://x"\n', 5, "services.web.url", 'only a service of type "external"'),
        ('compose = "a.yml:db"\n', 5, "services.web.compose", 'only a service of type "compose"'),
        ('dir = "/srv"\n', 5, "services.web.dir", "must be relative"),
        ('depends_on = { x = "ready" }\n', 5, "services.web.depends_on.x", "no service is called"),
        ('env = { loader = "nextt" }\n', 5, "services.web.env.loader", "did you mean `next`?"),
        ('env = { loader = "next@3" }\n', 5, "services.web.env.loader", "next@16"),
        ('env = { loader = "dotenv@16+node@20" }\n', 5, "services.web.env.loader", "only vite"),
        ("env = { set = { PORT = 3 } }\n", 5, "services.web.env.set.PORT", "must be text"),
        ('websocket = { origin = "wbe" }\n', 5, "services.web.websocket.origin", "did you mean `web`?"),
        ("websocket = { expect = {} }\n", 5, "services.web.websocket.expect", '"open"'),
        (
            'websocket = { token = { secret = "jwt" } }\n',
            5,
            "services.web.websocket.token.secret",
            "neither a [shared] group",
        ),
        ('[services.Bad]\ntype = "node"\n', 5, "services.Bad", "is not a name"),
        ('[services.file]\ntype = "node"\n', 5, "services.file", "reserved"),
        ('[services.py]\ntype = "python"\n', 5, "services.py.command", "needs one"),
        ('[services.db]\ntype = "compose"\n', 5, "services.db.compose", "is missing"),
        ('[services.x]\ntype = "external"\n', 5, "services.x.url", "say where it is"),
        ('[services.x]\ntype = "external"\nport = 1\nurl = "ws://a"\n', 8, "services.x.url", "keep one"),
        ("[shared.jwt]\nsecret = true\n", 5, "shared.jwt.members", "is missing"),
        ('[shared.jwt]\nmembers = ["web"]\n', 6, "shared.jwt.members.0", "service:VARIABLE"),
        ('[shared.jwt]\nmembers = ["web:A", "web:A"]\n', 6, "shared.jwt.members.1", "listed twice"),
        ('[shared.jwt]\nmembers = ["web:A#passwort"]\n', 6, "shared.jwt.members.0", "no part of a URL"),
        ('[[links]]\nfrom = "web:A"\nto = "wb"\n', 7, "links.0.to", "did you mean `web`?"),
        ('[[links]]\nfrom = "web:A"\nto = "web.hmr"\n', 7, "links.0.to", "no port with the role"),
        ('[[links]]\nfrom = "web:A"\nto = "web"\nscheme = "wsx"\n', 8, "links.0.scheme", "did you mean"),
        ('[[origins]]\nfrom = "web:A"\nallows = []\n', 7, "origins.0.allows", "at least 1"),
        ('[doctor]\nrequired = { wbe = ["A"] }\n', 6, "doctor.required.wbe", "did you mean `web`?"),
        ('[doctor]\nignore = [{ rule = "x" }]\n', 6, "doctor.ignore.0.reason", "is missing"),
        ('[devstack]\ncolor = "auto"\n', 6, "devstack.color", "did you mean `colour`?"),
        ('[devstack]\nprofiles = ["full"]\n', 6, "devstack.profiles.0", "no service has the profile"),
    ],
)
def test_each_kind_of_mistake_names_its_place_and_what_to_do(
    tree: Tree, body: str, line: int, key: str, part: str
) -> None:
    found = one_mistake(tree, body)

    assert found[:2] == (line, key)
    assert part in found[2]


def test_a_cycle_is_printed_as_a_path_where_it_can_be_cut(tree: Tree) -> None:
    body = "\n".join(
        f'[services.{name}]\ntype = "command"\ncommand = "x"\ndepends_on = ["{need}"]'
        for name, need in (("a", "b"), ("b", "c"), ("c", "a"))
    )

    found = problems_of(tree({"stack.toml": body}) / "stack.toml")

    ((line, key, message),) = found
    assert (line, key) == (4, "services.a.depends_on.0")
    assert message.startswith("a cycle: a -> b -> c -> a ")
    assert "take out the dependency that can wait" in message


def test_completed_needs_a_service_that_ends(tree: Tree) -> None:
    body = (
        '[services.seed]\ntype = "command"\ncommand = "x"\n'
        '[services.b]\ntype = "command"\ncommand = "x"\ndepends_on = { seed = "completed" }\n'
    )

    found = one_mistake(tree, body)

    assert found[1] == "services.b.depends_on.seed"
    assert "oneshot" in found[2]


def test_a_missing_procfile_entry_suggests_the_near_one(tree: Tree) -> None:
    folder = tree(
        {
            "stack.toml": 'procfile = "Procfile"\n[services.agent]\ntype = "python"\n',
            "Procfile": "agnet: python a.py\n",
        }
    )

    found = problems_of(folder / "stack.toml")

    assert found == [
        (2, "services.agent.command", "is missing, and Procfile has no entry `agent` did you mean `agnet`?")
    ]


def test_mistakes_of_the_procfile_stand_with_its_own_name(tree: Tree) -> None:
    folder = tree(
        {
            "stack.toml": 'procfile = "Procfile"\n[services.a]\ntype = "python"\n',
            "Procfile": "# how\na: one\na: two\nnonsense\n",
        }
    )

    with pytest.raises(StackFileError) as caught:
        load(folder / "stack.toml")

    assert [(Path(one.path).name, one.line) for one in caught.value.problems] == [
        ("Procfile", 3),
        ("Procfile", 4),
    ]


@pytest.mark.parametrize(
    ("content", "line", "part"),
    [
        (b"", None, "is empty"),
        (b" \n\n", None, "is empty"),
        (b"\x7fELF\x00\x01", None, "binary"),
        (b'a = "\n', 1, "not valid TOML"),
        (b"[services.web]\ntype = \n", 2, "not valid TOML"),
        (b"[services.web]\ntype = 'node'\ntype = 'next'\n", 3, "not valid TOML"),
        (b"[services\n", 1, "not valid TOML"),
        (b'# caf\xe9\nname = "x"\n', 1, "UTF-8"),
        (b"x = " + b"[" * 5000 + b"]" * 5000, None, "nested too deeply"),
        (b"#" * 1_000_001, None, "larger than"),
        (b'name = "x"\n', 1, "`services` is missing"),
        (b"[services]\n", 1, "declares no service"),
    ],
)
def test_a_file_that_is_no_stack_gives_one_clear_error(
    tree: Tree, content: bytes, line: int | None, part: str
) -> None:
    stack, problems = load_tolerant(tree({"stack.toml": content}) / "stack.toml")

    assert stack is None
    assert [(one.line, part in one.message) for one in problems] == [(line, True)]


def test_a_missing_file_a_folder_and_an_unreadable_file_are_one_error_each(tree: Tree) -> None:
    folder = tree({"here/stack.toml/x": "", "closed/stack.toml": "x"})
    (folder / "closed/stack.toml").chmod(0)

    for name, part in (("gone", "does not exist"), ("here", "is a folder"), ("closed", "cannot be read")):
        if name == "closed" and os.access(folder / "closed/stack.toml", os.R_OK):
            continue  # root reads everything
        with pytest.raises(StackFileError) as caught:
            load(folder / name / "stack.toml")
        assert [part in one.message for one in caught.value.problems] == [True]


def test_byte_order_mark_and_windows_line_ends_are_read(tree: Tree) -> None:
    text = "[services.web]\r\ntype = 'next'\r\nprot = 1\r\n"
    path = tree({"stack.toml": b"\xef\xbb\xbf" + text.encode()}) / "stack.toml"

    assert problems_of(path)[0][:2] == (3, "services.web.prot")


def test_the_file_is_searched_upward_but_not_above_the_git_root(tree: Tree) -> None:
    folder = tree({"stack.toml": "", "inner/.git/HEAD": "", "inner/deep/x": "", "other/deep/x": ""})

    assert find(folder / "other/deep") == folder / "stack.toml"
    with pytest.raises(StackFileError):
        find(folder / "inner/deep")


def test_a_stack_with_mistakes_keeps_what_is_right(tree: Tree) -> None:
    stack, problems = load_tolerant(tree({"stack.toml": MISTAKES}) / "stack.toml")

    assert problems
    assert stack is not None
    assert set(stack.services) == {"ws", "agent"}
    assert stack.services["ws"].port == 3001
    assert stack.services["ws"].stop.grace == 5.0
    assert stack.services["agent"].depends_on == ()


def test_a_wrong_list_item_does_not_shift_the_lines_of_the_others(tree: Tree) -> None:
    body = (
        "[[links]]\nfrom = 3\nto = 'web'\n"
        "[[links]]\nfrom = 'web:A'\nto = 'web'\n"
        "[[links]]\nfrom = 'web:B'\nto = 'nowhere'\n"
    )
    service = '[services.web]\ntype = "next"\n'

    path = tree({"stack.toml": service + body}) / "stack.toml"
    stack, problems = load_tolerant(path)

    assert [(one.line, one.key) for one in problems] == [(4, "links.0.from"), (11, "links.2.to")]
    assert stack is not None
    assert [link.source.text for link in stack.links] == ["web:A"]


WHOLE = """\
name = "whole"
procfile = "Procfile"
[services.web]
type = "next"
dir = "web"
port = 3000
ports = { hmr = 24678 }
depends_on = { ws = "started", migrate = "completed" }
restart = { policy = "always", max = 2, backoff = "100ms..2s" }
stop = { signal = "SIGINT", grace = "1m30s" }
setup = { command = "npm ci", inputs = ["package-lock.json"], creates = ["node_modules"] }
hosts = ["app-dev"]
env = { loader = "vite@8+node@22", set = { A = "b" }, on_change = "ignore" }
[services.ws]
type = "python"
port = 3001
  [services.ws.ready]
  http = "/health"
  status = 204
  json = { status = "ok" }
  [services.ws.websocket]
  path = "/ws"
  origin = "web"
  expect = { close = [4401] }
    [services.ws.websocket.token]
    in = "header"
    secret = "ws:JWT_SECRET"
    ttl = "5s"
[services.migrate]
type = "command"
command = "make migrate"
oneshot = true
[services.db]
type = "compose"
compose = "docker-compose.yml:db"
[services.livekit]
type = "external"
url = "web:LIVEKIT_URL"
[shared.jwt]
secret = true
members = ["web:A|B?C", "ws:URL#password", "file:x.yaml#a.b", "=literal"]
[[links]]
from = "ws:DB_HOST+DB_PORT"
to = "db"
scheme = "any"
[[links]]
from = "ws:CALLBACK"
to = "web.hmr"
wait = false
[doctor]
required = { web = ["A|B"] }
"""


def test_the_whole_format_becomes_frozen_values(tree: Tree) -> None:
    stack = load(tree({"stack.toml": WHOLE, "Procfile": "ws: PORT=1 python ws.py\n"}) / "stack.toml")

    web, ws = stack.services["web"], stack.services["ws"]
    assert {one.service: one.condition for one in web.depends_on} == {
        "ws": Condition.STARTED,
        "migrate": Condition.COMPLETED,
    }
    assert (web.restart.mode, web.restart.max) == (RestartMode.ALWAYS, 2)
    assert (web.restart.backoff_min, web.restart.backoff_max) == (0.1, 2.0)
    assert (web.stop.signal, web.stop.grace) == ("INT", 90.0)
    assert [(port.role, port.number) for port in web.all_ports] == [("main", 3000), ("hmr", 24678)]
    assert web.env.on_change is OnChange.IGNORE
    assert ws.command == "PORT=1 python ws.py"
    assert stack.spot("services.ws.command").path == "Procfile"
    assert ws.ready is not None
    assert (ws.ready.kind, ws.ready.status) == (ProbeKind.HTTP, (204,))
    assert ws.websocket is not None
    assert (ws.websocket.expect.kind, ws.websocket.expect.codes) == ("close", (4401,))
    assert ws.websocket.token is not None
    assert isinstance(ws.websocket.token.secret, Reference)
    first = stack.shared["jwt"].members[0]
    assert isinstance(first, Reference)
    assert (first.names, first.empty_falls_through) == (("A", "B", "C"), (True, False))
    assert (stack.links[1].role, stack.links[1].wait) == ("hmr", False)
    assert stack.doctor.required == {"web": (("A", "B"),)}
    assert stack.spot("services.web.ports.hmr").line == 7
