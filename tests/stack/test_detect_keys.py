"""`init`: a secret that one service signs tokens with and another one verifies them with, whatever they call it."""

from __future__ import annotations

import pytest

from tests.stack.test_detect import Devstack, Tree, package, written

pytestmark = pytest.mark.e2e

Files = dict[str, str | bytes]

WEB: Files = {
    "web/package.json": package({"dev": "next dev"}, "next", "jose"),
    "web/app/api/token/route.ts": (
        "import { SignJWT } from 'jose'\n"
        "const key = new TextEncoder().encode(process.env.NEXTAUTH_SECRET)\n"
        "export const GET = () => new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).sign(key)\n"
    ),
}
MIDDLEWARE: Files = {
    "web/middleware.ts": (
        "import { getToken } from 'next-auth/jwt'\n"
        "export default (req) => getToken({ req, secret: process.env.NEXTAUTH_SECRET })\n"
    )
}
SOCKETS: Files = {
    "ws/requirements.txt": "fastapi\npyjwt\npydantic-settings\n",
    "ws/main.py": (
        "import jwt\nfrom fastapi import FastAPI, WebSocket\nfrom config import settings\napp = FastAPI()\n\n"
        "def user(token: str) -> dict:\n"
        "    return jwt.decode(token, settings.ws_key, algorithms=['HS256'])\n"
    ),
    "ws/config.py": (
        "from pydantic_settings import BaseSettings\n"
        "class Settings(BaseSettings):\n    ws_key: str\nsettings = Settings()\n"
    ),
}
LOGIN: Files = {
    "api/package.json": package({"dev": "tsx src/index.ts"}, "express", "jsonwebtoken"),
    "api/src/index.ts": "import './auth'\napp.listen(4000)\n",
    "api/src/auth.ts": (
        "import jwt from 'jsonwebtoken'\nconst { LOGIN_KEY } = process.env\n"
        "export const make = (u) => jwt.sign(u, LOGIN_KEY)\nexport const take = (t) => jwt.verify(t, LOGIN_KEY)\n"
    ),
}


def settings(read: str) -> str:
    return f"import os\nclass Settings:\n    ws_key = {read}\nsettings = Settings()\n"


def shared(stack_files: Files, tree: Tree, devstack: Devstack) -> dict[str, list[str]]:
    stack = written(tree(stack_files), devstack)
    return {name: [member.text for member in group.members] for name, group in stack.shared.items()}


def test_a_signer_and_a_verifier_with_different_names_share_one_value(tree: Tree, devstack: Devstack) -> None:
    folder = tree({**WEB, **SOCKETS})
    done = devstack("init", cwd=folder)
    assert (
        "shared ws-key: web:NEXTAUTH_SECRET = ws:WS_KEY (web/app/api/token/route.ts:3, ws/main.py:7)"
        in done.out
    )
    text = (folder / "stack.toml").read_text()
    assert "# signs tokens with NEXTAUTH_SECRET (web/app/api/token/route.ts:3)" in text
    assert "# verifies tokens with WS_KEY (ws/main.py:7)" in text


def test_the_shared_value_is_what_doctor_then_compares(tree: Tree, devstack: Devstack) -> None:
    folder = tree({**WEB, **SOCKETS, "web/.env": "NEXTAUTH_SECRET=one\n", "ws/.env": "WS_KEY=other\n"})
    assert devstack("init", cwd=folder).code == 0
    done = devstack("doctor", cwd=folder)
    assert "`web:NEXTAUTH_SECRET`" in done.out
    assert "`ws:WS_KEY`" in done.out
    assert "shared-mismatch" in done.out
    assert "1006" in done.out


@pytest.mark.parametrize(
    ("files", "groups"),
    [
        ({**WEB, **MIDDLEWARE, **SOCKETS}, {"ws-key": ["web:NEXTAUTH_SECRET", "ws:WS_KEY"]}),
        # Who only verifies gets his tokens from the one who makes them.
        ({**LOGIN, **SOCKETS}, {"ws-key": ["api:LOGIN_KEY", "ws:WS_KEY"]}),
        # What two services call by one name, and one of them only verifies with.
        (
            {**LOGIN, **SOCKETS, "ws/config.py": settings("os.environ['LOGIN_KEY']")},
            {"login-key": ["api:LOGIN_KEY", "ws:LOGIN_KEY"]},
        ),
        # A group that equal names make is extended.
        (
            {
                **SOCKETS,
                **{name: str(text).replace("NEXTAUTH_SECRET", "JWT_SECRET") for name, text in WEB.items()},
                "job/package.json": package({"dev": "node index.js"}, "express"),
                "job/index.js": "const secret = process.env.JWT_SECRET\nserver.listen(5000)\n",
            },
            {"jwt-secret": ["job:JWT_SECRET", "web:JWT_SECRET", "ws:WS_KEY"]},
        ),
        # The names that the code tries, in its order.
        (
            {**WEB, **SOCKETS, "ws/config.py": settings("os.getenv('WS_KEY') or os.getenv('KEY')")},
            {"ws-key": ["web:NEXTAUTH_SECRET", "ws:WS_KEY|KEY"]},
        ),
    ],
)
def test_who_signs_and_who_verifies_is_paired_where_only_one_can_be_meant(
    tree: Tree, devstack: Devstack, files: Files, groups: dict[str, list[str]]
) -> None:
    assert shared(files, tree, devstack) == groups


@pytest.mark.parametrize(
    "files",
    [
        # Two signers: either could be whose tokens the server gets.
        {
            **WEB,
            **SOCKETS,
            "web/app/other.ts": "import jwt from 'jsonwebtoken'\njwt.sign({}, process.env.OTHER)\n",
        },
        # Each makes its own tokens.
        {**LOGIN, **WEB, **MIDDLEWARE},
        # A provider signs what the server verifies.
        {**WEB, **SOCKETS, "ws/config.py": settings("os.environ['SUPABASE_JWT_SECRET']")},
        # Halves of a pair of keys differ.
        {**WEB, **SOCKETS, "ws/main.py": str(SOCKETS["ws/main.py"]).replace("HS256", "RS256")},
        # Nobody here signs.
        {**SOCKETS, "web/package.json": package({"dev": "next dev"}, "next")},
    ],
)
def test_where_more_or_nobody_could_be_meant_nothing_is_shared(
    tree: Tree, devstack: Devstack, files: Files
) -> None:
    assert shared(files, tree, devstack) == {}
