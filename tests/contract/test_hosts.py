"""The host table: dated, with sources, found by pattern."""

from __future__ import annotations

import re

import pytest

from devstack.contract import hosts


@pytest.mark.parametrize(
    ("host", "websocket"),
    [
        ("x.eu-west-1.awsapprunner.com", "no"),
        ("abc.lambda-url.eu-west-1.on.aws", "no"),
        ("acme.github.io", "no"),
        ("ACME.Vercel.App", "some"),
        ("a1.execute-api.eu-west-1.amazonaws.com", "some"),
        ("acme.herokuapp.com", "yes"),
    ],
)
def test_a_host_is_found_by_its_pattern(host: str, websocket: str) -> None:
    found = hosts.find(host)
    assert found is not None
    assert found.websocket == websocket


@pytest.mark.parametrize("host", ["awsapprunner.com.acme.dev", "live.acme.dev", "localhost", ""])
def test_other_hosts_are_unknown(host: str) -> None:
    assert hosts.find(host) is None


def test_every_entry_has_a_source_and_a_date() -> None:
    for entry in hosts.table():
        assert entry.source
        assert re.fullmatch(r"20\d\d-\d\d", entry.verified)
        assert entry.websocket != "some" or entry.limit
