"""URLs as people write them: every fault has a name, nothing raises, equal URLs compare equal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.contract import urls
from devstack.contract.urls import UrlFault, parse


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("localhost:3001", UrlFault.NO_SCHEME),
        ("example.com:8080/ws", UrlFault.NO_SCHEME),
        ("//host/path", UrlFault.NO_SCHEME),
        ("wss:/host", UrlFault.SLASHES),
        ("ws:localhost:3001", UrlFault.SLASHES),
        ("http:///host", UrlFault.SLASHES),
        ("wws://host", UrlFault.UNKNOWN_SCHEME),
        ("htp://host", UrlFault.UNKNOWN_SCHEME),
        ("ws://http://host", UrlFault.TWO_SCHEMES),
        ("ws://:3001", UrlFault.NO_HOST),
        ("ws://", UrlFault.NO_HOST),
        ("ws://host:30O1", UrlFault.BAD_PORT),
        ("ws://host:70000", UrlFault.BAD_PORT),
        ("ws://host:0", UrlFault.BAD_PORT),
        ("ws://host /ws", UrlFault.SPACES),
        (" ws://host", UrlFault.SPACES),
        ('"ws://host"', UrlFault.QUOTES),
        ("ws://host\\ws", UrlFault.BACKSLASH),
        ("wss://host/ws#room", UrlFault.FRAGMENT),
    ],
)
def test_each_fault_is_named(text: str, fault: UrlFault) -> None:
    assert fault in parse(text).faults


@pytest.mark.parametrize(
    "text",
    [
        "ws://localhost:3001/s?x=1&y=2",
        "https://host/#fragment-is-fine-for-http",
        "postgresql+asyncpg://u:p%40ss@db:5432/app",
        "sqlite:///./app.db",
        "mongodb+srv://cluster.acme.dev/app",
        "ws://[::1]:3001",
        "http://host:/path",
        "/api",
    ],
)
def test_what_programs_accept_has_no_fault(text: str) -> None:
    assert parse(text).faults == ()


def test_the_parts_of_a_url_with_everything() -> None:
    found = parse("postgresql://app:p%40ss@DB.acme.dev:6543/main?schema=public")
    assert (found.scheme, found.user, found.password) == ("postgresql", "app", "p@ss")
    assert (found.host, found.port, found.path, found.query) == (
        "db.acme.dev",
        6543,
        "/main",
        "schema=public",
    )
    assert found.shown == "postgresql://db.acme.dev:6543/main"


def test_a_password_is_in_no_repr_and_no_shown_text() -> None:
    found = parse("redis://:tulip@localhost:6379/0?token=rose")
    assert "tulip" not in repr(found) + found.shown
    assert "rose" not in repr(found) + found.shown


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("wss://h.acme.dev", "WSS://H.acme.dev:443/"),
        ("http://localhost:80/x", "http://127.0.0.1/x/"),
        ("ws://[::1]:3001", "ws://localhost:3001/"),
        ("redis://localhost", "redis://localhost:6379"),
    ],
)
def test_urls_that_name_one_place_compare_equal(left: str, right: str) -> None:
    assert urls.comparable(left) == urls.comparable(right) is not None


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("ws://localhost:3001", "wss://localhost:3001"),
        ("http://a@host", "http://b@host"),
        ("http://host/a", "http://host/b"),
        ("http://host?a=1", "http://host?a=2"),
    ],
)
def test_urls_that_name_different_places_do_not(left: str, right: str) -> None:
    assert urls.comparable(left) != urls.comparable(right)


def test_what_is_no_url_is_not_compared_as_one() -> None:
    assert urls.comparable("HS256") is None
    assert urls.comparable("http://a,http://b") is None


@pytest.mark.parametrize(
    "host", ["localhost", "app.localhost", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]
)
def test_loopback_has_many_spellings(host: str) -> None:
    assert urls.is_loopback(host)
    assert not urls.is_public(host)


@pytest.mark.parametrize("host", ["api.acme.dev", "8.8.8.8", "2001:4860:4860::8888"])
def test_public_hosts(host: str) -> None:
    assert urls.is_public(host)


@pytest.mark.parametrize(
    "host", ["10.0.0.3", "192.168.1.20", "backend", "printer.local", "host.docker.internal", ""]
)
def test_hosts_that_are_near(host: str) -> None:
    assert not urls.is_public(host)


@given(st.text(max_size=60))
def test_no_text_makes_the_parser_fail(text: str) -> None:
    found = parse(text)
    assert found.port is None or 0 < found.port < 65536
    assert found.host == found.host.lower()
