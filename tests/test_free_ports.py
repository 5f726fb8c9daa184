"""Ports for tests are given once, to whichever process asks."""

from __future__ import annotations

import socket
import subprocess
import sys

from tests import free_ports
from tests.conftest import ROOT

OTHER = """
import sys
from tests.free_ports import find
print(*(find() for _ in range(300)), flush=True)
sys.stdin.read()
"""


def test_another_process_gets_other_ports(spawned: list[subprocess.Popen[bytes]]) -> None:
    command = [sys.executable, "-c", OTHER]
    other = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    spawned.append(other)
    assert other.stdout
    theirs = set(map(int, other.stdout.readline().split()))
    ours = {free_ports.find() for _ in range(300)}
    assert (len(theirs), len(ours)) == (300, 300)
    assert not theirs & ours


def test_a_port_that_somebody_has_is_not_free() -> None:
    port = free_ports.find()
    with socket.create_server(("127.0.0.1", port)):
        assert not free_ports._is_free(port)
    assert free_ports._is_free(port)
