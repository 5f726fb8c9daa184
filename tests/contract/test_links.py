"""Where a URL leads, and what a link asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from devstack.contract import urls
from devstack.contract.links import Target, Where, is_other_family, is_same_endpoint, judged, resolve
from tests.contract.facts import TWO, facts_of

Tree = Callable[[Mapping[str, str | bytes]], Path]
MORE = """\
[services.ws.ports]
metrics = 9100
[services.db]
type = "external"
port = 5432
hosts = ["database"]
"""


@pytest.mark.parametrize(
    ("url", "where", "targets"),
    [
        ("ws://localhost:3001", Where.LOCAL, [Target(service="ws")]),
        ("ws://app.localhost:3001", Where.LOCAL, [Target(service="ws")]),
        ("http://127.0.0.1:9100", Where.LOCAL, [Target(service="ws", role="metrics")]),
        ("http://host.docker.internal:3000", Where.LOCAL, [Target(service="web")]),
        ("http://localhost:4444", Where.LOCAL, []),
        ("postgresql://database:5432/x", Where.ALIAS, [Target(service="db")]),
        ("postgresql://localhost/x", Where.LOCAL, [Target(service="db")]),
        ("ws://backend:3001", Where.CONTAINER, []),
        ("ws://192.168.1.20:3001", Where.PRIVATE, []),
        ("wss://live.acme.dev", Where.PUBLIC, []),
        ("/api", Where.RELATIVE, []),
    ],
)
def test_where_a_url_leads(tree: Tree, url: str, where: Where, targets: list[Target]) -> None:
    stack = facts_of(tree({"stack.toml": TWO + MORE, "web/package.json": "{}"})).stack
    found = resolve(urls.parse(url), stack)
    assert (found.where, list(found.targets)) == (where, targets)


@pytest.mark.parametrize(
    ("dialled", "bound", "misses"),
    [
        ("::1", "127.0.0.1", True),
        ("::1", "0.0.0.0", True),
        ("127.0.0.1", "::1", True),
        ("127.0.0.1", "::", False),
        ("localhost", "127.0.0.1", False),
        ("127.0.0.1", "localhost", False),
        ("127.0.0.1", None, False),
    ],
)
def test_address_families_that_never_meet(dialled: str, bound: str | None, misses: bool) -> None:
    assert is_other_family(dialled, bound) is misses


def _one(tree: Tree, link: str, env: str, more: str = "", package: str = "{}") -> object:
    root = tree({"stack.toml": f"{TWO}{more}{link}", "web/package.json": package, "web/.env": env})
    (found,) = judged(facts_of(root))
    return found


LINK = '[[links]]\nfrom = "web:{name}"\nto = "ws"\n'


@pytest.mark.parametrize(
    ("name", "more", "package", "wants"),
    [
        ("NEXT_PUBLIC_WS_URL", "", "{}", True),
        ("NEXT_PUBLIC_WEBSOCKET_URL", "", "{}", True),
        ("NEXT_PUBLIC_API_URL", "", "{}", None),
        ("NEXT_PUBLIC_WS_URL", '[services.ws.websocket]\nprotocol = "socket.io"\n', "{}", None),
        ("NEXT_PUBLIC_WS_URL", "", '{"dependencies": {"socket.io-client": "4"}}', None),
        ("NEXT_PUBLIC_NEWS_URL", "", "{}", None),
    ],
)
def test_which_links_need_a_websocket(
    tree: Tree, name: str, more: str, package: str, wants: bool | None
) -> None:
    found = _one(tree, LINK.format(name=name), f"{name}=ws://localhost:3001\n", more, package)
    assert found.requirement.websocket is wants  # type: ignore[attr-defined]


def test_a_public_variable_is_used_by_the_browser_and_another_is_not(tree: Tree) -> None:
    both = LINK.format(name="NEXT_PUBLIC_WS_URL") + LINK.format(name="WS_URL")
    root = tree({"stack.toml": TWO + both, "web/package.json": "{}", "web/.env": "A=1\n"})
    assert [found.requirement.browser for found in judged(facts_of(root))] == [True, False]


def test_a_declared_view_beats_the_name(tree: Tree) -> None:
    found = _one(tree, LINK.format(name="WS_URL") + 'used_by = "browser"\n', "WS_URL=ws://localhost:3001\n")
    assert found.requirement.browser  # type: ignore[attr-defined]


def test_host_and_port_make_one_address(tree: Tree) -> None:
    link = '[[links]]\nfrom = "web:WS_HOST+WS_PORT"\nto = "ws"\nscheme = "any"\n'
    found = _one(tree, link, "WS_HOST=127.0.0.1\nWS_PORT=3001\n")
    assert found.reaches  # type: ignore[attr-defined]


def test_several_addresses_in_one_value_are_not_judged(tree: Tree) -> None:
    found = _one(tree, LINK.format(name="BROKERS"), "BROKERS=kafka://a:1,b:2\n")
    assert found.address is None  # type: ignore[attr-defined]


def test_a_container_name_and_localhost_are_one_endpoint(tree: Tree) -> None:
    stack = facts_of(tree({"stack.toml": TWO + MORE, "web/package.json": "{}"})).stack
    assert is_same_endpoint("postgresql://u:p@database:5432/x", "postgresql://u:p@localhost/x", stack)
    assert not is_same_endpoint("postgresql://u:p@database:5432/x", "postgresql://u:q@localhost/x", stack)
    assert not is_same_endpoint("postgresql://u:p@database:5432/x", "postgresql://u:p@localhost/y", stack)
