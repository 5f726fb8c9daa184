"""Two processes on the two loopback addresses of one port."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable

from devstack.rules import engine
from devstack.rules.base import Needs
from devstack.rules.catalogue import CATALOGUE
from devstack.rules.inspection import Inspection

HOLD = """
import socket, sys
server = socket.create_server(("::1", int(sys.argv[1])), family=socket.AF_INET6)
print("listening", flush=True)
sys.stdin.read()
"""


def test_another_process_on_the_other_family_is_an_error(
    inspected: Callable[..., Inspection],
    free_port: Callable[[], int],
    spawned: list[subprocess.Popen[bytes]],
) -> None:
    port = free_port()
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    spawned.append(child)
    assert child.stdout is not None
    assert child.stdout.readline() == b"listening\n"
    inspection = inspected(
        {"stack.toml": f'[services.ws]\ntype = "command"\ncommand = "sleep 1"\nport = {port}\n'}
    )
    choice = engine.Choice(select=frozenset(("port-other-family",)), needs=frozenset((Needs.HOST,)))
    with socket.create_server(("127.0.0.1", port)):
        (found,) = engine.run(inspection, CATALOGUE, choice).findings
    assert "IPv4" in found.message and "IPv6" in found.message
