"""Literals of vite.config and next.config: what certainly holds, and nothing else."""

from __future__ import annotations

import pytest

from devstack.env.source.jsconfig import literals


def found(text: str) -> dict[str, str]:
    """Dotted keys to texts; lists joined by a comma."""
    result: dict[str, str] = {}
    for each in literals(text):
        key = ".".join(each.keys)
        result[key] = f"{result[key]},{each.text}" if key in result else each.text
    return result


@pytest.mark.parametrize(
    "text",
    [
        "export default { server: { port: 3000 } }",
        "export default defineConfig({ server: { port: 3000 } })",
        "export default defineConfig(({ mode }) => ({ server: { port: 3000 } }))",
        "export default defineConfig(async () => { const e = load(); return { server: { port: 3000 } } })",
        "export default function () { return { server: { port: 3000 } } }",
        "const PORT = 3000\nexport default { server: { port: PORT } }",
        "const server = { port: 3000 }\nexport default { server }",
        "const base = { server: { port: 3000 } }\nexport default { ...base }",
        "const config: UserConfig = { server: { port: 3000 } }\nexport default config",
        "module.exports = withPlugin({ server: { port: 3000 } })",
        "export default { server: { port: 3000 } } satisfies UserConfig",
        "export default mergeConfig(shared, { 'server': { 'port': 3000 } })",
    ],
)
def test_a_literal_is_found_however_the_configuration_is_exported(text: str) -> None:
    assert found(text) == {"server.port": "3000"}


@pytest.mark.parametrize(
    "text",
    [
        "export default { server: { port: Number(process.env.PORT) || 3000 } }",
        "export default { server: { port: isCi ? 1 : 2 } }",
        "export default { server: isCi ? { port: 1 } : { port: 2 } }",
        "export default { ...(isCi && { server: { port: 1 } }) }",
        "export default { plugins: [plugin({ server: { port: 99 } })] }",
        "export default { /* server: { port: 1 } */ }",
        "export default ({ command }) => { if (command === 'serve') { return { server: { port: 1 } } } return {} }",
        "const other = { server: { port: 1 } }\nexport default {}",
        "export default { [key]: 1 }",
        "const a = a\nexport default a",
        "export default {",
        "",
    ],
)
def test_what_is_computed_or_not_exported_is_not_reported(text: str) -> None:
    assert found(text) == {}


def test_lists_have_the_key_of_their_list() -> None:
    assert found("export default { envPrefix: ['VITE_', 'APP_'], envDir: false }") == {
        "envPrefix": "VITE_,APP_",
        "envDir": "false",
    }


def test_a_proxy_target_carries_its_path() -> None:
    text = "export default { server: { proxy: { '/ws': { target: 'ws://localhost:3001', ws: true } } } }"

    assert found(text) == {"server.proxy./ws.target": "ws://localhost:3001", "server.proxy./ws.ws": "true"}


def test_rewrites_of_next_are_read_out_of_their_function() -> None:
    text = "module.exports = { async rewrites() { return [{ source: '/a', destination: 'http://b:1' }] } }"

    assert found(text) == {"rewrites.source": "/a", "rewrites.destination": "http://b:1"}


def test_a_line_is_where_the_value_is_used() -> None:
    (each,) = literals("const PORT = 3000\nexport default {\n  server: { port: PORT },\n}\n")

    assert (each.line, each.is_at("server", "port")) == (3, True)
