"""Keys of tokens, followed from the call that signs or verifies to the variable that they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.env.files import Files
from devstack.env.source.scan import SourceScanner
from devstack.stack.model import Service, ServiceType, Stack

Tree = Callable[[Mapping[str, str | bytes]], Path]

JWT = "import jwt from 'jsonwebtoken'\n"
JOSE = "import { SignJWT, jwtVerify } from 'jose'\n"
KEY = "new TextEncoder().encode(process.env.A)"


def keys(root: Path, kind: ServiceType) -> list[str]:
    service = Service(name="s", type=kind, dir=".")
    stack = Stack(name="s", path=root / "stack.toml", root=root, services={"s": service})
    found = SourceScanner(root, Files(root)).keys(stack, service)
    return sorted(f"{use.path}:{use.line} {use.role} {use.read.name}" for use in found)


def in_script(tree: Tree, source: str, **others: str) -> list[str]:
    more = {name.replace("_", "/"): text for name, text in others.items()}
    found = keys(
        tree({"a.ts": source, **{f"{name}.ts": text for name, text in more.items()}}), ServiceType.NODE
    )
    return [one.partition(" ")[2] for one in found]


def in_python(tree: Tree, source: str, others: Mapping[str, str] | None = None) -> list[str]:
    found = keys(tree({"a.py": source, **(others or {})}), ServiceType.PYTHON)
    return [one.partition(" ")[2] for one in found]


@pytest.mark.parametrize(
    ("source", "role"),
    [
        (f"{JWT}jwt.sign({{}}, process.env.A)", "signs"),
        (f"{JWT}jwt.sign({{}}, process.env.A!, {{ algorithm: 'HS256' }})", "signs"),
        (f"{JWT}jwt.sign({{}}, Buffer.from(process.env.A, 'base64'))", "signs"),
        (f"{JWT}jwt.verify(t, process.env.A || 'x', (e, d) => d)", "verifies"),
        (f"{JWT}const u = jwt.verify(t, process.env['A'] as string) as User", "verifies"),
        (f"{JWT}const S = process.env.A\nfunction f() {{ return jwt.verify(t, S) }}", "verifies"),
        (
            f"{JWT}function f() {{ const s = process.env.A; if (!s) throw 1; return jwt.verify(t, s) }}",
            "verifies",
        ),
        (
            f"{JWT}const c = {{ jwt: {{ secret: process.env.A }} }} as const\njwt.verify(t, c.jwt.secret)",
            "verifies",
        ),
        (f"{JWT}const {{ A }} = process.env\njwt.verify(t, A)", "verifies"),
        (f"{JWT}const {{ A: s }} = process.env\njwt.verify(t, s)", "verifies"),
        (
            f"{JWT}function key() {{ if (!process.env.A) throw 1; return process.env.A }}\njwt.verify(t, key())",
            "verifies",
        ),
        (f"{JWT}const key = () => process.env.A\njwt.verify(t, key())", "verifies"),
        (f"{JWT}const check = (t, s = process.env.A) => jwt.verify(t, s)", "verifies"),
        (f"{JWT}function check(t, s) {{ return jwt.verify(t, s) }}\ncheck(t, process.env.A)", "verifies"),
        ("const jwt = require('jsonwebtoken')\njwt.verify(t, process.env.A)", "verifies"),
        ("const { verify } = require('jsonwebtoken')\nverify(t, process.env.A)", "verifies"),
        ("import { verify as v } from 'jsonwebtoken'\nv(t, process.env.A)", "verifies"),
        (f"{JWT}const {{ sign, verify: v }} = jwt\nv(t, process.env.A)", "verifies"),
        ("import * as jwt from 'jsonwebtoken'\njwt.verify<T>(t, process.env.A)", "verifies"),
        (f"{JOSE}await new SignJWT({{}}).setProtectedHeader({{ alg: 'HS256' }}).sign({KEY})", "signs"),
        (f"{JOSE}const b = new SignJWT({{}})\nconst k = {KEY}\nb.setIssuedAt().sign(k)", "signs"),
        (
            f"{JOSE}const {{ payload }} = await jwtVerify<T>(t, {KEY}, {{ algorithms: ['HS256'] }})",
            "verifies",
        ),
        ("import * as jose from 'jose'\njose.jwtVerify(t, jose.createSecretKey(process.env.A))", "verifies"),
        ("import { encode } from 'next-auth/jwt'\nencode({ token, secret: process.env.A! })", "signs"),
        (
            "import { decode } from '@auth/core/jwt'\nconst secret = process.env.A\ndecode({ token, secret })",
            "verifies",
        ),
        (
            "import { Strategy } from 'passport-jwt'\nclass S extends P(Strategy) {\n"
            "  constructor(configService) { super({ secretOrKey: configService.get('A') }) }\n}",
            "verifies",
        ),
        (
            "import { Strategy } from 'passport-jwt'\nnew Strategy({ secretOrKey: process.env.A }, done)",
            "verifies",
        ),
        (
            "import { expressjwt } from 'express-jwt'\napp.use(expressjwt({ secret: process.env.A }))",
            "verifies",
        ),
        ("import koaJwt from 'koa-jwt'\napp.use(koaJwt({ secret: process.env.A }))", "verifies"),
        (
            "import { JwtService } from '@nestjs/jwt'\nthis.jwt.verifyAsync(t, { secret: process.env.A })",
            "verifies",
        ),
        (
            # The callback is handed the option that stands beside it.
            f"{JWT}NextAuth({{ secret: process.env.A,"
            " jwt: { encode: ({ secret, token }) => jwt.sign(token, secret) } })",
            "signs",
        ),
    ],
)
def test_the_key_of_a_call_is_followed_to_its_variable(tree: Tree, source: str, role: str) -> None:
    assert in_script(tree, source) == [f"{role} A"]


@pytest.mark.parametrize(
    "source",
    [
        "import { getToken } from 'next-auth/jwt'\ngetToken({ req, secret: process.env.A })",
        "import NextAuth from 'next-auth'\nconst o = { secret: process.env.A }\nexport default NextAuth(o)",
        "import { JwtModule } from '@nestjs/jwt'\nJwtModule.registerAsync({ useFactory: (configService) =>"
        " ({ secret: configService.get('A') }) })",
        "import jwt from '@fastify/jwt'\napp.register(cors, { secret: process.env.B })\n"
        "app.register(jwt, { secret: process.env.A })",
    ],
)
def test_who_makes_and_takes_tokens_signs_and_verifies(tree: Tree, source: str) -> None:
    assert in_script(tree, source) == ["signs A", "verifies A"]


@pytest.mark.parametrize(
    ("source", "config"),
    [
        ("import { S } from './lib/config'\njwt.verify(t, S)", "export const S = process.env.A"),
        ("import { S as k } from './lib/config.js'\njwt.verify(t, k)", "export const S = process.env.A!"),
        (
            "import c from './lib/config'\njwt.verify(t, c.jwt.secret)",
            "export default { jwt: { secret: process.env.A } }",
        ),
        (
            "import c from './lib/config'\njwt.verify(t, c.secret)",
            "const c = { secret: process.env.A }\nexport default c",
        ),
        ("import * as c from './lib/config'\njwt.verify(t, c.S)", "export const S = process.env.A"),
        ("const { S } = require('./lib/config')\njwt.verify(t, S)", "module.exports = { S: process.env.A }"),
        ("const c = require('./lib/config')\njwt.verify(t, c.S)", "module.exports = { S: process.env.A }"),
        (
            "import { c } from './lib/config'\njwt.verify(t, c.A)",
            "export const c = schema.parse(process.env)\nprocess.env.A",
        ),
        (
            "import { env } from './lib/config'\njwt.verify(t, env.A)",
            "export const env = createEnv({ server: { A: z.string() } })",
        ),
        (
            "import { key } from './lib/config'\njwt.verify(t, key())",
            "export function key() { return process.env.A }",
        ),
        ("import { S } from '@/lib/config'\njwt.verify(t, S)", "export const S = process.env.A"),
    ],
)
def test_a_key_of_another_module_is_followed_there(tree: Tree, source: str, config: str) -> None:
    assert in_script(tree, JWT + source, lib_config=config) == ["verifies A"]


def test_what_a_module_passes_on_is_followed(tree: Tree) -> None:
    source = f"{JWT}import {{ S }} from './lib'\njwt.verify(t, S)"
    assert in_script(
        tree, source, lib_index="export * from './keys'", lib_keys="export const S = process.env.A"
    ) == ["verifies A"]


@pytest.mark.parametrize(
    "source",
    [
        "jwt.verify(t, process.env.A)",  # whose `jwt`?
        f"{JWT}other.verify(t, process.env.A)",
        f"{JWT}jwt.decode(t, process.env.A)",  # looks inside, checks nothing
        f"{JWT}jwt.verify(t, getKey, {{}})",
        f"{JWT}jwt.verify(t, 'literal')",
        f"{JWT}jwt.verify(t, process.env.A + process.env.B)",
        f"{JWT}jwt.sign({{}}, process.env.A, {{ algorithm: 'RS256' }})",
        f"{JWT}jwt.verify(t, process.env.JWT_PUBLIC_KEY)",
        f"{JWT}// jwt.verify(t, process.env.A)",
        f"{JWT}function check(t, s) {{ return jwt.verify(t, s) }}\ncheck(t, process.env.A)\ncheck(t, process.env.B)",
        "import { importSPKI, jwtVerify } from 'jose'\njwtVerify(t, await importSPKI(process.env.A, 'ES256'))",
        "import { createRemoteJWKSet as c, jwtVerify } from 'jose'\njwtVerify(t, c(new URL(process.env.A)))",
        "import { z } from 'zod'\nkey.sign(process.env.A)",
    ],
)
def test_what_cannot_be_followed_for_certain_is_left_out(tree: Tree, source: str) -> None:
    assert in_script(tree, source) == []


@pytest.mark.parametrize(
    ("source", "role"),
    [
        ("import jwt\njwt.encode({}, os.environ['A'], algorithm='HS256')", "signs"),
        ("import jwt as pyjwt\npyjwt.decode(t, os.getenv('A', 'x'), algorithms=['HS256'])", "verifies"),
        (
            "from jose import jwt, JWTError\njwt.decode(t, key=os.environ.get('A'), algorithms=[ALG])",
            "verifies",
        ),
        ("from jwt import decode\ndecode(t, os.environ['A'])", "verifies"),
        ("import os, jwt\njwt.decode(t, os.environ['A'])", "verifies"),
        ("import jose.jwt\njose.jwt.decode(t, os.environ['A'])", "verifies"),
        (
            "try:\n    import jwt\nexcept ImportError:\n    jwt = None\njwt.decode(t, os.environ['A'])",
            "verifies",
        ),
        ("from authlib.jose import jwt\njwt.encode({}, {}, os.environ['A'])", "signs"),
        ("import jwt\nS = os.getenv('A')\ndef f(t):\n    return jwt.decode(t, S, ['HS256'])", "verifies"),
        (
            "import jwt\ndef f(t):\n    s = os.getenv('A') or os.getenv('B')\n    return jwt.decode(t, s)",
            "verifies",
        ),
        ("import jwt\ndef key() -> str:\n    return os.environ['A']\njwt.decode(t, key())", "verifies"),
        ("import jwt\ndef f(t, s=os.environ['A']):\n    jwt.decode(t, s)", "verifies"),
        (
            "import jwt\ndef f(t, s: str):\n    jwt.decode(t, s)\nf(t, os.environ['A'])\nf(t, s=os.environ['A'])",
            "verifies",
        ),
        (
            "import jwt\nclass A:\n    def __init__(self):\n        self.s = os.environ['A']\n"
            "    def f(self, t):\n        jwt.decode(t, self.s)",
            "verifies",
        ),
        ("import jwt\nclass Config:\n    S = os.environ['A']\njwt.decode(t, Config.S)", "verifies"),
        (
            "import jwt\nclass Config:\n    S = os.environ['A']\nconfig = Config()\njwt.decode(t, config.S.encode())",
            "verifies",
        ),
        (
            "import jwt\nclass S(BaseSettings):\n    a: SecretStr\ns = S()\njwt.decode(t, s.a.get_secret_value())",
            "verifies",
        ),
        (
            "import jwt\nclass S(BaseSettings):\n    a: str\ndef f(t, s: S = Depends(get)):\n    jwt.decode(t, s.a)",
            "verifies",
        ),
        (
            "import jwt\nclass S(BaseSettings):\n    k: str = Field(alias='A')\njwt.decode(t, get().k)",
            "verifies",
        ),
    ],
)
def test_the_key_of_a_call_in_python_is_followed_to_its_variable(tree: Tree, source: str, role: str) -> None:
    assert in_python(tree, f"import os\n{source}\n") == [f"{role} A"]


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("from config import S\njwt.decode(t, S)", "config.py"),
        ("import config\njwt.decode(t, config.S)", "config.py"),
        ("from app import config as c\njwt.decode(t, c.S)", "app/config.py"),
        ("from app.config import S\njwt.decode(t, S)", "app/config/__init__.py"),
        ("from .config import S as k\njwt.decode(t, k)", "config.py"),
    ],
)
def test_a_key_of_another_python_module_is_followed_there(tree: Tree, source: str, place: str) -> None:
    config = "import os\nS = os.environ['A']\n"
    assert in_python(tree, f"import jwt\n{source}\n", {place: config}) == ["verifies A"]


def test_an_import_is_looked_for_from_the_folders_around_the_module(tree: Tree) -> None:
    root = tree(
        {
            "src/app/api/auth.py": "import jwt\nfrom ..core.config import S\nfrom app.core.config import S as T\n"
            "jwt.decode(t, S)\njwt.encode(t, T)\n",
            "src/app/core/config.py": "import os\nS = os.environ['A']\n",
        }
    )
    assert keys(root, ServiceType.PYTHON) == [
        "src/app/api/auth.py:4 verifies A",
        "src/app/api/auth.py:5 signs A",
    ]


def test_the_prefix_of_a_settings_class_counts_wherever_it_is_declared(tree: Tree) -> None:
    config = "class AppSettings(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='MY_')\n"
    source = "import jwt\nfrom config import AppSettings\nclass S(AppSettings):\n    key: str\njwt.decode(t, S().key)\n"
    assert in_python(tree, source, {"config.py": config}) == ["verifies MY_KEY"]


@pytest.mark.parametrize(
    "source",
    [
        "import jwt\njwt.decode(t, os.environ['A'], options={'verify_signature': False})",
        "import jwt\njwt.decode(t, os.environ['A'], algorithms=['RS256'])",
        "import jwt\njwt.decode(t, client.get_signing_key_from_jwt(t).key)",
        "import jwt\njwt.decode(t, open(os.environ['A']).read())",
        "import jwt\njwt.decode(t, settings.a)",
        "import json as jwt\njwt.decode(t, os.environ['A'])",
        "import jwt\n# jwt.decode(t, os.environ['A'])",
        "import jwt\ndef f(s):\n    jwt.decode(t, s)\nf(unknown)",
    ],
)
def test_python_that_cannot_be_followed_is_left_out(tree: Tree, source: str) -> None:
    assert in_python(tree, f"import os\n{source}\n") == []


def test_modules_that_pass_everything_on_in_circles_are_gone_through_once(tree: Tree) -> None:
    names = [f"m{number}" for number in range(30)]
    barrel = "".join(f"export * from './{name}'\n" for name in names)
    files = {f"{name}.ts": barrel for name in names}
    source = (
        f"{JWT}import {{ S }} from './m0'\nimport {{ T }} from './m1'\njwt.verify(t, S)\njwt.verify(t, T)\n"
    )
    root = tree({**files, "a.ts": source, "m29.ts": f"{barrel}export const S = process.env.A\n"})
    assert keys(root, ServiceType.NODE) == ["a.ts:4 verifies A"]


def test_values_that_are_made_of_each_other_lead_nowhere(tree: Tree) -> None:
    assert in_script(tree, f"{JWT}const a = b\nconst b = a\njwt.verify(t, a)") == []
    assert in_python(tree, "import jwt\na = b\nb = a\njwt.decode(t, a)\n") == []
