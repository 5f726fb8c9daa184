"""Reads in JavaScript and TypeScript: each form, its fallback, and what is no read."""

from __future__ import annotations

import pytest

from devstack.env.source.model import Fallback, SourceRead
from devstack.env.source.module import Scanned, scan_module

OR, NULLISH, DEFAULT = Fallback.EMPTY_OR_UNSET, Fallback.UNSET, Fallback.DEFAULT


def scanned(source: str, path: str = "web/a.ts") -> Scanned:
    return scan_module(source.encode(), path)


def reads(source: str, path: str = "web/a.ts") -> list[SourceRead]:
    return sorted(scanned(source, path).reads, key=lambda read: (read.line, read.column))


@pytest.mark.parametrize(
    ("source", "name", "form"),
    [
        ("process.env.A", "A", "process.env"),
        ("process?.env?.A", "A", "process.env"),
        ("globalThis.process.env.A", "A", "process.env"),
        ("process['env'].A", "A", "process.env"),
        ("process.env['A']", "A", "process.env"),
        ("process.env[`A`]", "A", "process.env"),
        ("(process.env as any).A", "A", "process.env"),
        ("process.env.A!", "A", "process.env"),
        ("'A' in process.env", "A", "process.env"),
        ("import.meta.env.A", "A", "import.meta.env"),
        ("const e = process.env; e.A", "A", "process.env"),
        ("const { env } = process; env.A", "A", "process.env"),
        ("import { env } from 'node:process'; env.A", "A", "process.env"),
        ("const { A } = process.env", "A", "destructuring"),
        ("const { A: b } = import.meta.env", "A", "destructuring"),
        ("import { env } from '@/env'; env.A", "A", "wrapper"),
        ("import { env as e } from '../config/env.mjs'; e.A", "A", "wrapper"),
        ("assertEnv('A')", "A", "wrapper"),
        ("env('A')", "A", "wrapper"),
        ("this.utils.getEnvVar('A')", "A", "wrapper"),
        ("function need(n: string) { return 1 + process.env[n] }\nneed('A')", "A", "wrapper"),
        ("const need = (n) => process.env[n];\nneed('A')", "A", "wrapper"),
        ("this.configService.get<string>('A')", "A", "configService"),
        ("configService.getOrThrow('A')", "A", "configService"),
        ("import { ConfigService } from '@nestjs/config'; this.config.get('A')", "A", "configService"),
        ("Deno.env.get('A')", "A", "Deno.env"),
        ("Bun.env.A", "A", "Bun.env"),
        ("const s = z.object({ A: z.string() }); s.parse(process.env)", "A", "zod"),
        ("z.object({ A: z.string() }).safeParse(process.env)", "A", "zod"),
        ("export const envSchema = z.object({ A: z.string() })", "A", "zod"),
        ("createEnv({ server: { A: z.string() }, runtimeEnv: {} })", "A", "zod"),
        ("cleanEnv(process.env, { A: str() })", "A", "zod"),
        ("ConfigModule.forRoot({ validationSchema: Joi.object({ A: Joi.string() }) })", "A", "zod"),
    ],
)
def test_each_form_is_a_read(source: str, name: str, form: str) -> None:
    assert [(read.name, read.form) for read in reads(source) if read.name] == [(name, form)]


@pytest.mark.parametrize(
    "source",
    [
        "// process.env.A",
        "/* process.env.A */",
        "const s = 'process.env.A'",
        "const s = `process.env.A`",
        "const r = /process.env.A/",
        "process.env.A = 'x'",
        "delete process.env.A",
        "my.process.env.A",
        "const env = load(); env.A",
        "import { env } from './config'; env.A",
        "import { env } from '@/env'; env.camelCase",
        "z.object({ A: z.string() })",
        "translate('A'); settings.get('A')",
        "spawn('x', { env: { ...process.env } })",
    ],
)
def test_what_is_no_read(source: str) -> None:
    assert reads(source) == []


def test_a_string_inside_a_template_is_code() -> None:
    assert [read.name for read in reads("const s = `a ${process.env.A} b`")] == ["A"]


@pytest.mark.parametrize(
    ("source", "fallback", "operator", "otherwise"),
    [
        ("process.env.A || 'x'", "x", OR, ()),
        ("process.env.A ?? 'x'", "x", NULLISH, ()),
        ("process.env.A || process.env.B || 'x'", "x", OR, ("B",)),
        ("process.env.A ?? (process.env.B || 'x')", "x", NULLISH, ("B",)),
        ("Number(process.env.A) || 3000", "3000", OR, ()),
        ("parseInt(process.env.A || '3000', 10)", "3000", OR, ()),
        ("Number(process.env.A ?? 3000)", "3000", NULLISH, ()),
        ("process.env.A?.trim() || 'x'", "x", OR, ()),
        ("(process.env.A as string) || 'x'", "x", OR, ()),
        ("process.env.A ? process.env.A : 'x'", "x", OR, ()),
        ("const D = 'x';\nprocess.env.A || D", "x", OR, ()),
        ("process.env.A || `x`", "x", OR, ()),
        ("process.env.A ||= 'x'", "x", OR, ()),
        ("const { A = 'x' } = process.env", "x", DEFAULT, ()),
        ("const { A: a = 'x' } = process.env", "x", DEFAULT, ()),
        ("z.object({ A: z.string().default('x') }).parse(process.env)", "x", DEFAULT, ()),
        ("cleanEnv(process.env, { A: str({ default: 'x' }) })", "x", DEFAULT, ()),
        ("configService.get('A', 'x')", "x", DEFAULT, ()),
        ("getEnv('A', 'x')", "x", DEFAULT, ()),
        ("getEnv('A') || 'x'", "x", OR, ()),
        ("process.env.A || ''", "", OR, ()),
        ("process.env.A", None, None, ()),
        ("process.env.A || undefined", None, None, ()),
        ("process.env.A ?? fail('A is missing')", None, None, ()),
        ("foo(process.env.A) || 'x'", None, None, ()),
        ("other || process.env.A", None, None, ()),
        ("process.env.A && 'x'", None, None, ()),
    ],
)
def test_fallbacks(
    source: str, fallback: str | None, operator: Fallback | None, otherwise: tuple[str, ...]
) -> None:
    first = reads(source)[0]

    assert (first.name, first.fallback, first.operator, first.otherwise) == (
        "A",
        fallback,
        operator,
        otherwise,
    )


def test_a_computed_fallback_is_said() -> None:
    (read,) = reads("process.env.A ?? defaultUrl()")

    assert (read.fallback, read.computed_fallback, read.has_fallback) == (None, True, True)


def test_dynamic_access_has_no_name() -> None:
    (read,) = reads("process.env[key]")

    assert (read.name, read.subscript) == (None, False)


def test_rest_destructuring_is_dynamic() -> None:
    assert [read.name for read in reads("const { A, ...rest } = process.env")] == ["A", None]


def test_positions_count_lines_from_one_and_columns_from_zero() -> None:
    (read,) = reads("\n\n  x(process.env.A)")

    assert (read.path, read.line, read.column) == ("web/a.ts", 3, 4)


def test_positions_survive_carriage_returns_and_other_alphabets() -> None:
    (read,) = reads("const ä = 'é';\r\nprocess.env.A")

    assert (read.line, read.column) == (2, 0)


@pytest.mark.parametrize("path", ["a.js", "a.jsx", "a.mjs", "a.cjs", "a.ts", "a.mts", "a.tsx"])
def test_every_kind_of_module_is_parsed(path: str) -> None:
    assert [read.name for read in reads("export const a = process.env.A", path)] == ["A"]


def test_jsx_is_parsed() -> None:
    source = "export default () => <p title={process.env.A}>process.env.B</p>"

    assert [read.name for read in reads(source, "a.tsx")] == ["A"]


def test_scripts_inside_markup_are_parsed() -> None:
    source = "<template>process.env.B</template>\n<script lang='ts'>\nimport.meta.env.VITE_A\n</script>\n"

    (read,) = reads(source, "a.vue")

    assert (read.name, read.line) == ("VITE_A", 3)


@pytest.mark.parametrize(
    "source",
    [
        "const a = (process.env.A",
        "process.env.",
        "}}} process.env.A {{{",
        "const { A = process.env",
        "\0process.env.A",
    ],
)
def test_broken_code_does_not_raise(source: str) -> None:
    reads(source)


def test_deep_nesting_does_not_raise() -> None:
    assert [read.name for read in reads("(" * 3000 + "process.env.A" + ")" * 3000)] == ["A"]


@pytest.mark.parametrize(
    ("source", "file", "override", "beside"),
    [
        ("require('dotenv').config()", None, False, False),
        ("import 'dotenv/config'", None, False, False),
        (
            "import dotenv from 'dotenv'; dotenv.config({ path: '.env.local', override: true })",
            ".env.local",
            True,
            False,
        ),
        (
            "import { config } from 'dotenv'; config({ path: path.resolve(__dirname, '../.env') })",
            "../.env",
            False,
            True,
        ),
        ("dotenv.config({ path: new URL('../.env', import.meta.url) })", "../.env", False, True),
        ("process.loadEnvFile('.env.dev')", ".env.dev", False, False),
    ],
)
def test_calls_that_load_env_files(source: str, file: str | None, override: bool, beside: bool) -> None:
    (call,) = scanned(source).dotenv_calls

    assert (call.file, call.override, call.beside_module, call.dynamic) == (file, override, beside, False)


@pytest.mark.parametrize(
    ("path", "file", "beside"),
    [
        ("__dirname + '/.env'", ".env", True),
        ("`${__dirname}/../.env`", "../.env", True),
        ("path.join(__dirname, '/../.env')", "../.env", True),
        ("path.resolve(__dirname, '..', '.env')", "../.env", True),
        ("resolve('x', __dirname, '.env')", ".env", True),
        ("path.join(__filename, '../.env')", ".env", True),
        ("path.dirname(__dirname) + '/.env'", "../.env", True),
        ("join(dirname(fileURLToPath(import.meta.url)), '..', '.env')", "../.env", True),
        ("fileURLToPath(new URL('../.env', import.meta.url))", "../.env", True),
        ("new URL('.env', import.meta.url).pathname", ".env", True),
        ("import.meta.dir + '/.env'", ".env", True),
        ("require.resolve('../.env')", "../.env", True),
        ("path.join(root, '.env')", "../../.env", True),
        ("envPath", "../../.env", True),
        ("path.resolve(process.cwd(), '.env')", ".env", False),
        ("`${process.cwd()}/../.env`", "../.env", False),
        ("path.resolve('..', '.env')", "../.env", False),
        ("path.resolve('x', '/etc/a.env')", "/etc/a.env", False),
        ("path.join('x', '/a.env')", "x/a.env", False),
    ],
)
def test_the_path_of_an_env_file_is_put_together(path: str, file: str, beside: bool) -> None:
    source = (
        "const here = dirname(fileURLToPath(import.meta.url)); const root = path.resolve(here, '../..')\n"
        f"const envPath = path.join(root, '.env')\ndotenv.config({{ path: {path} }})"
    )

    (call,) = scanned(source).dotenv_calls

    assert (call.file, call.beside_module, call.dynamic) == (file, beside, False)


def test_a_path_given_by_its_own_name_and_a_list_of_them_are_followed() -> None:
    source = "const path = ['.env.local', __dirname + '/.env']\ndotenv.config({ path })"

    calls = scanned(source).dotenv_calls

    assert [(call.file, call.beside_module) for call in calls] == [(".env.local", False), (".env", True)]


@pytest.mark.parametrize(
    "path",
    [
        "pick()",
        "process.env.FILE || '.env'",
        "`.env.${process.env.NODE_ENV}`",
        "path.join(base, '.env')",
        "__dirname + '.env'",
        "new URL('.env', base)",
        "changed",
    ],
)
def test_a_computed_path_is_dynamic(path: str) -> None:
    source = f"let changed = '.env'\nchanged = pick()\ndotenv.config({{ path: {path} }})"

    assert scanned(source).dotenv_calls[0].dynamic


@pytest.mark.parametrize(
    ("source", "url", "websocket"),
    [
        ("new WebSocket('ws://localhost:3001/ws')", "ws://localhost:3001/ws", True),
        ("new WebSocket(`wss://a.example/ws?token=${t}`)", "wss://a.example/ws?token=", True),
        ("io('http://localhost:3001')", "http://localhost:3001", True),
        ("fetch('http://localhost:8000/api')", "http://localhost:8000/api", False),
    ],
)
def test_literal_urls(source: str, url: str, websocket: bool) -> None:
    (found,) = scanned(source).urls

    assert (found.url, found.websocket, found.is_fallback) == (url, websocket, False)


@pytest.mark.parametrize(
    "source",
    [
        "// 'ws://localhost:1'",
        "'see ws://localhost:1'",
        "`ws://${host}/x`",
        "`ws://localhost:${port}`",
        "'ws://'",
    ],
)
def test_what_is_no_literal_url(source: str) -> None:
    assert scanned(source).urls == ()


def test_a_url_that_is_a_fallback_says_so() -> None:
    (found,) = scanned("const u = process.env.A || 'ws://localhost:1'").urls

    assert found.is_fallback


def test_a_path_that_is_made_of_itself_many_times_is_gone_through_once() -> None:
    parts = ", ".join(f"p{number}" for number in range(20))
    made = "".join(f"const p{number} = path.join({parts})\n" for number in range(20))

    (call,) = scanned(f"{made}dotenv.config({{ path: p0 }})").dotenv_calls

    assert call.dynamic
