"""How services are started: as the shell would, without one where possible; ports where they are taken."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.stack.launch import Launch, launch
from devstack.stack.load import load

Tree = Callable[[Mapping[str, str | bytes]], Path]

SHOW = "import os, sys; print(sys.argv[1:], [os.environ.get(n) for n in ('A', 'B', 'PORT')])"


def launched(folder: Path, body: str, name: str = "web") -> Launch:
    (folder / "stack.toml").write_text(body)
    stack = load(folder / "stack.toml")
    found = launch(stack, stack.services[name])
    assert found is not None
    return found


def command(folder: Path, text: str) -> Launch:
    return launched(folder, f'[services.web]\ntype = "command"\ncommand = {json.dumps(text)}\n')


@pytest.mark.parametrize(
    ("text", "is_plain"),
    [
        ("python show.py one two", True),
        ("A=1 B='x y' python show.py 'a b' \"c d\" e\\ f", True),
        ("A= python show.py", True),
        ("python show.py --x='$A' \"it's\"", True),
        ("python show.py a=b A=c", True),
        ("A=1 python show.py ${PORT:-3001}", False),
        ("PORT=${PORT:-3001} A=$PORT python show.py", False),
        ("B=1 A=${B:-2} python show.py", False),
        ('A="x $B y" python show.py', False),
        ("A=$(echo 1 2) python show.py", False),
        ("python show.py *.py", False),
        ("python show.py ~root", False),
        ("python show.py a#b", True),
        ("python show.py a # comment", False),
        ("python show.py > out.txt 2>&1; cat out.txt", False),
        ("python show.py 2>&1", False),
        ("cd . && A=2 python show.py", False),
        ("export A=5; python show.py", False),
        ("python show.py a | cat", False),
        ("(A=3; export A; python show.py)", False),
        ("if true; then python show.py; fi", False),
        ("exec python show.py x", False),
        ("python show.py a && python show.py b", False),
        ("python show.py {a,b} [x] 'q'", False),
        ('printf \'%s\\n\' "a\\"b"', True),
    ],
)
def test_a_command_does_what_the_shell_would_do(tree: Tree, text: str, is_plain: bool) -> None:
    folder = tree({"show.py": SHOW})
    text = text.replace("python", sys.executable)
    environment = {"PATH": "/usr/bin:/bin", "B": "outer"}

    how = command(folder, text)
    got = subprocess.run(
        how.argv,
        env={**environment, **how.inline_env},
        cwd=folder,
        capture_output=True,
        text=True,
    )
    wanted = subprocess.run(
        ["/bin/sh", "-c", text], env=environment, cwd=folder, capture_output=True, text=True
    )

    assert (got.returncode, got.stdout) == (wanted.returncode, wanted.stdout)
    assert (how.shell_text is None) is is_plain


@pytest.mark.parametrize(
    "rest", ["> out", "$X > out 2>&1", "> out 2>&1 ${Y:-a;b} 'c|d'", "< /dev/null > out"]
)
def test_one_simple_command_replaces_the_shell(tree: Tree, rest: str) -> None:
    how = command(tree({"pid.py": "import os; print(os.getpid())"}), f"A=$B {sys.executable} pid.py {rest}")

    with subprocess.Popen(how.argv, cwd=how.cwd) as process:
        process.wait()

    assert int((how.cwd / "out").read_text()) == process.pid


def test_inline_variables_are_told_apart_by_who_can_know_them(tree: Tree) -> None:
    how = command(tree({}), "A=1 PORT=${PORT:-3001} URL=ws://localhost:${PORT:-3001}/ B=$X python x.py")

    assert how.inline_env == {"A": "1"}
    assert how.inline_dynamic == ("PORT", "URL", "B")
    assert how.inline_defaults == {"PORT": "3001", "URL": "ws://localhost:3001/"}
    assert how.program == "python"


def package(**scripts: str) -> str:
    return json.dumps({"scripts": scripts})


NEXT = '[services.web]\ntype = "next"\nport = 4000\n'
VITE = '[services.web]\ntype = "vite"\nport = 4000\n'


@pytest.mark.parametrize(
    ("files", "body", "argv"),
    [
        ({}, NEXT, "npx next dev -p 4000"),
        ({"package.json": package(dev="next dev")}, NEXT, "npm run dev -- -p 4000"),
        ({"package.json": package(dev="next dev", start="next start")}, NEXT, "npm run dev -- -p 4000"),
        ({"package.json": package(dev="next dev -p 3005")}, NEXT, "npm run dev"),
        ({"package.json": package(dev="next dev --port=3005")}, NEXT, "npm run dev"),
        ({"package.json": package(dev="next dev -p3005")}, NEXT, "npm run dev"),
        ({"package.json": package(dev="node server.js")}, NEXT, "npm run dev"),
        ({"package.json": package(dev="turbo dev")}, NEXT, "npm run dev"),
        ({"package.json": package(dev="prisma generate && next dev")}, NEXT, "npm run dev -- -p 4000"),
        ({"package.json": package(dev="next dev & tsx ws.ts")}, NEXT, "npm run dev"),
        ({"package.json": package(dev="cross-env A=1 next dev")}, NEXT, "npm run dev -- -p 4000"),
        ({"package.json": package(dev="next dev"), "pnpm-lock.yaml": ""}, NEXT, "pnpm run dev -p 4000"),
        ({"package.json": package(dev="next dev"), "yarn.lock": ""}, NEXT, "yarn run dev -p 4000"),
        ({"package.json": package(dev="next dev"), "bun.lock": ""}, NEXT, "bun run dev -p 4000"),
        ({}, VITE, "npx vite --port 4000 --strictPort"),
        ({"package.json": package(dev="vite")}, VITE, "npm run dev -- --port 4000 --strictPort"),
        ({"package.json": package(dev="vite --port 1 --strictPort")}, VITE, "npm run dev"),
        ({"package.json": package(dev="vite --port 1")}, VITE, "npm run dev -- --strictPort"),
        ({"package.json": package(dev="vite build --watch")}, VITE, "npm run dev"),
        ({}, VITE + 'command = "npx vite --host"\n', "npx vite --host --port 4000 --strictPort"),
        ({}, NEXT + 'command = "pnpm exec next dev --turbo"\n', "pnpm exec next dev --turbo -p 4000"),
        ({}, NEXT + 'command = "npx next dev -p 9"\n', "npx next dev -p 9"),
        ({}, NEXT + 'command = "npm run dev"\n', "npm run dev"),
        (
            {"package.json": package(dev="next dev")},
            NEXT + 'command = "npm run dev"\n',
            "npm run dev -- -p 4000",
        ),
        (
            {"package.json": package(dev="vite")},
            VITE + 'command = "npm run dev -- --host"\n',
            "npm run dev -- --host --port 4000 --strictPort",
        ),
        (
            {"package.json": package(start="node a.js")},
            '[services.web]\ntype = "node"\nport = 1\n',
            "npm run start",
        ),
        ({"package.json": package(dev="a", start="b")}, '[services.web]\ntype = "node"\n', "npm run dev"),
        ({"package.json": "not json"}, NEXT, "npx next dev -p 4000"),
    ],
)
def test_page_servers_get_their_port_once(tree: Tree, files: dict[str, str], body: str, argv: str) -> None:
    assert " ".join(launched(tree(files), body).argv) == argv


def test_the_place_of_a_command_is_known(tree: Tree) -> None:
    folder = tree({"web/package.json": '{\n "scripts": {\n  "build": "x",\n  "dev": "next dev"\n }\n}'})
    body = (
        'procfile = "Procfile"\n[services.web]\ntype = "next"\ndir = "web"\n'
        '[services.a]\ntype = "python"\n[services.b]\ntype = "python"\ncommand = "python b.py"\n'
    )
    (folder / "Procfile").write_text("# x\na: python a.py\n")

    spots = {name: launched(folder, body, name).spot for name in ("web", "a", "b")}

    assert {name: (spot.path, spot.line) for name, spot in spots.items()} == {
        "web": ("web/package.json", 4),
        "a": ("Procfile", 2),
        "b": ("stack.toml", 9),
    }


def test_the_package_manager_of_a_workspace_is_found_upward(tree: Tree) -> None:
    folder = tree({"pnpm-lock.yaml": "", "apps/web/package.json": package(dev="next dev")})

    how = launched(folder, NEXT + 'dir = "apps/web"\n')

    assert how.argv[0] == "pnpm"
    assert how.script is not None
    assert how.script.text == "next dev"


def test_the_port_variable_depends_on_the_type(tree: Tree) -> None:
    folder = tree({})
    kinds = {"next": "PORT", "vite": "", "node": "", "python": "", "command": "PORT"}

    for kind, name in kinds.items():
        body = f'[services.web]\ntype = "{kind}"\nport = 4000\ncommand = "x"\n'
        assert launched(folder, body).port_env == name
        assert launched(folder, body + 'port_env = "WS_PORT"\n').port_env == "WS_PORT"
        assert launched(folder, body + 'port_env = ""\n').port_env == ""
