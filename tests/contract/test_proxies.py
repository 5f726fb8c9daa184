"""What a dev server does with a path that is not its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.contract import urls
from devstack.contract.links import Target
from devstack.contract.proxies import Forwarding, forwarding, has_own_server
from tests.contract.facts import TWO, facts_of

Tree = Callable[[Mapping[str, str | bytes]], Path]
VITE = TWO.replace('"next"', '"vite"')
WS = Target(service="ws")


@pytest.mark.parametrize(
    ("config", "url", "way"),
    [
        ("{ '/ws': { target: 'ws://localhost:3001', ws: true } }", "ws://localhost:3000/ws", Forwarding.YES),
        ("{ '/ws': 'ws://localhost:3001' }", "ws://localhost:3000/ws/room", Forwarding.YES),
        (
            "{ '/ws': { target: 'http://localhost:3001' } }",
            "ws://localhost:3000/ws",
            Forwarding.WITHOUT_UPGRADE,
        ),
        ("{ '/api': 'http://localhost:3001' }", "http://localhost:3000/api/x", Forwarding.YES),
        (
            "{ '^/api/.*': { target: 'http://localhost:3001' } }",
            "http://localhost:3000/api/x",
            Forwarding.YES,
        ),
        ("{ '/api': 'http://localhost:9999' }", "http://localhost:3000/api", Forwarding.NO),
        ("{ '/api': 'http://localhost:3001' }", "ws://localhost:3000/ws", Forwarding.NO),
        (
            "{ '/ws': { target: process.env.BACKEND, ws: true } }",
            "ws://localhost:3000/ws",
            Forwarding.UNKNOWN,
        ),
        ("proxies", "ws://localhost:3000/ws", Forwarding.UNKNOWN),
    ],
)
def test_vite_proxies(tree: Tree, config: str, url: str, way: Forwarding) -> None:
    files = {
        "stack.toml": VITE,
        "web/package.json": '{"scripts": {"dev": "vite"}}',
        "web/vite.config.ts": f"export default {{ server: {{ proxy: {config} }} }}\n",
    }
    facts = facts_of(tree(files))
    assert forwarding(facts, facts.stack.services["web"], urls.parse(url), WS) is way


@pytest.mark.parametrize(
    ("rules", "way"),
    [
        ("[{ source: '/api/:path*', destination: 'http://localhost:3001/:path*' }]", Forwarding.YES),
        ("[{ source: '/api/:path*', destination: 'http://localhost:9999/:path*' }]", Forwarding.NO),
        ("[{ source: '/api/:path*', destination: `${process.env.API}/:path*` }]", Forwarding.UNKNOWN),
    ],
)
def test_next_rewrites(tree: Tree, rules: str, way: Forwarding) -> None:
    files = {
        "stack.toml": TWO,
        "web/package.json": '{"scripts": {"dev": "next dev"}}',
        "web/next.config.mjs": f"export default {{ async rewrites() {{ return {rules} }} }}\n",
    }
    facts = facts_of(tree(files))
    assert (
        forwarding(facts, facts.stack.services["web"], urls.parse("http://localhost:3000/api/x"), WS) is way
    )


def test_a_server_of_its_own_is_unknown(tree: Tree) -> None:
    facts = facts_of(tree({"stack.toml": TWO, "web/package.json": '{"scripts": {"dev": "node server.js"}}'}))
    found = forwarding(facts, facts.stack.services["web"], urls.parse("ws://localhost:3000/ws"), WS)
    assert found is Forwarding.UNKNOWN


def test_without_a_configuration_the_path_stays(tree: Tree) -> None:
    facts = facts_of(
        tree({"stack.toml": TWO, "web/package.json": '{"scripts": {"dev": "next dev --turbopack"}}'})
    )
    found = forwarding(facts, facts.stack.services["web"], urls.parse("ws://localhost:3000/ws"), WS)
    assert found is Forwarding.NO


def test_the_script_of_another_folder_tells_which_server_answers(tree: Tree) -> None:
    stack = VITE.replace('dir = "web"', 'command = "npm --prefix web run dev"')
    files = {"stack.toml": stack, "web/package.json": '{"scripts": {"dev": "vite"}}'}
    facts = facts_of(tree(files))
    assert not has_own_server(facts, facts.stack.services["web"])


def test_a_manifest_that_cannot_be_read_tells_nothing(tree: Tree) -> None:
    facts = facts_of(tree({"stack.toml": VITE, "web/package.json": "[" * 200_000}))
    assert not has_own_server(facts, facts.stack.services["web"])
