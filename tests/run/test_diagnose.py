"""The cause of a death, from its last lines."""

from __future__ import annotations

import pytest

from devstack.run.diagnose import Subject, diagnose

CASES = [
    (["Error: listen EADDRINUSE: address already in use :::3001"], "port 3001 is already in use"),
    (["Error: listen EADDRINUSE: address already in use 127.0.0.1:8080"], "port 8080 is already in use"),
    (["OSError: [Errno 98] Address already in use"], "port 3001 is already in use"),
    (
        [
            "ERROR: [Errno 98] error while attempting to bind on address ('127.0.0.1', 8350): address already in use"
        ],
        "port 8350 is already in use",
    ),
    (["Error: Port 5173 is already in use"], "port 5173 is already in use"),
    (["Error: Cannot find module 'express'", "Require stack:"], "npm package express is not installed"),
    (["Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'ws' imported from /x.mjs"], "npm package ws"),
    (["Error: Cannot find module './routes'"], "the file ./routes that it imports does not exist"),
    (["ModuleNotFoundError: No module named 'livekit'"], "Python module livekit is not installed"),
    (["/usr/bin/python3: No module named uvicorn"], "Python module uvicorn is not installed"),
    (
        ["python: can't open file '/a/b.py': [Errno 2] No such file or directory"],
        "the script /a/b.py does not",
    ),
    (["sh: 1: next: not found"], "the program next is not installed"),
    (["bash: line 1: vite: command not found"], "the program vite is not installed"),
    (["env: 'uv': No such file or directory"], "the program uv is not installed"),
    (['npm error Missing script: "dev"'], "package.json has no script `dev`"),
    (["PermissionError: [Errno 13] Permission denied: '/var/x'"], "permission denied: /var/x"),
    (["FATAL ERROR: Reached heap limit - JavaScript heap out of memory"], "Node ran out of memory"),
    (["You are using Node.js 16.14.0. For Next.js, Node.js version >=20.9.0 is required."], "wrong version"),
    (["Error: secretOrPrivateKey must have a value"], "JWT secret is missing or empty in its process"),
    (
        ["Error: NEXTAUTH_SECRET is required"],
        "the variable NEXTAUTH_SECRET is missing or empty in its process",
    ),
    (["KeyError: 'JWT_SECRET'"], "the variable JWT_SECRET is not set in its process: `devstack env` shows"),
    (["sh: 1: ./start.sh: Permission denied"], "./start.sh may not be executed (chmod +x)"),
    (["/bin/bash: line 1: ./go: Permission denied"], "./go may not be executed (chmod +x)"),
    (["KeyError: 'PORT'"], '`port_env = "PORT"`'),
    (["KeyError: 'LIVEKIT_URL'"], "the variable LIVEKIT_URL is not set"),
    (["SyntaxError: Unexpected token '}'"], "syntax error in its source"),
    (["OSError: [Errno 28] No space left on device"], "the disk is full"),
    (["Error: listen EACCES: permission denied 0.0.0.0:80"], "may not bind its port"),
    (['ERROR:    Error loading ASGI app. Could not import module "app".'], 'import module "app"'),
    (["FileNotFoundError: [Errno 2] No such file or directory: 'a.json'"], "the file a.json does not exist"),
    (["Error: ENOENT: no such file or directory, open '/srv/a.json'"], "the file /srv/a.json does not exist"),
    (["ConnectionRefusedError: [Errno 111] Connection refused"], "refused the connection"),
    (["connect ECONNREFUSED 127.0.0.1:5432"], "nothing answered on port 5432"),
    (["JsonWebTokenError: invalid signature"], "signed with another secret"),
    (["jwt.exceptions.InvalidSignatureError: Signature verification failed"], "signed with another secret"),
]


@pytest.mark.parametrize(("lines", "expected"), CASES, ids=[case[1][:40] for case in CASES])
def test_a_known_cause_is_named_from_the_last_lines(lines: list[str], expected: str) -> None:
    found = diagnose(["starting", *lines, ""], code=1, of=Subject(port=3001))
    assert found is not None
    assert expected in found.cause


def test_what_is_known_of_the_service_is_part_of_the_advice() -> None:
    web = Subject(service="web", manager="pnpm")
    assert "`devstack env web` shows which files" in cause(["KeyError: 'JWT_SECRET'"], web)
    assert cause(["Error: Cannot find module 'express'"], web).endswith("is not installed (pnpm install)")
    assert "node_modules is missing: pnpm install" in cause(["sh: 1: next: not found"], web)
    assert cause(["sh: 1: uvicorn: not found"], Subject()) == "the program uvicorn is not installed"


def cause(lines: list[str], of: Subject) -> str:
    found = diagnose(lines, code=1, of=of)
    assert found is not None
    return found.cause


def test_colours_in_the_output_do_not_hide_the_cause() -> None:
    found = diagnose(
        ["\x1b[31mError: \x1b[0mlisten EADDRINUSE: address already in use :::\x1b[1m3001\x1b[0m"]
    )
    assert found is not None
    assert found.port == 3001


def test_a_kill_is_explained_as_memory_or_somebody() -> None:
    found = diagnose([], signal="KILL")
    assert found is not None
    assert "memory" in found.cause


def test_a_taken_port_may_be_cured_by_waiting_and_a_missing_module_not() -> None:
    taken = diagnose(["EADDRINUSE :::3001"])
    missing = diagnose(["ModuleNotFoundError: No module named 'x'"])
    assert taken is not None and not taken.hopeless
    assert missing is not None and missing.hopeless


def test_ordinary_output_gives_no_cause() -> None:
    assert diagnose(["GET / 200", "listening on port 3001", "bye"], code=1) is None


def test_a_shell_that_finds_no_command_says_so_by_its_code() -> None:
    found = diagnose([], code=127)
    assert found is not None and found.hopeless
