"""Ports that are special whoever holds them."""

from __future__ import annotations

import pytest

from devstack.host import port_numbers


@pytest.mark.parametrize("port", [6000, 6665, 6669, 5060, 5061, 10080, 22, 25, 1, 4190, 6697])
def test_ports_that_browsers_refuse(port: int) -> None:
    assert port_numbers.is_browser_blocked(port)


@pytest.mark.parametrize("port", [80, 443, 3000, 5173, 6001, 6670, 8080, 10081])
def test_ports_that_browsers_talk_to(port: int) -> None:
    assert not port_numbers.is_browser_blocked(port)


@pytest.mark.parametrize(
    ("port", "valid"), [(0, False), (1, True), (65535, True), (65536, False), (-1, False)]
)
def test_numbers_that_are_ports(port: int, valid: bool) -> None:
    assert port_numbers.is_valid(port) is valid


def test_privileged_ports_follow_what_the_system_says() -> None:
    assert port_numbers.is_privileged(80, 1024)
    assert not port_numbers.is_privileged(80, 80)
    assert not port_numbers.is_privileged(1024, 1024)


def test_the_ephemeral_range_is_read_from_this_system() -> None:
    first, last = port_numbers.ephemeral_range()
    assert 0 < first < last <= 65535
    assert port_numbers.is_ephemeral(first)
    assert not port_numbers.is_ephemeral(first - 1)
    assert port_numbers.is_ephemeral(last)
