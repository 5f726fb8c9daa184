"""Room for services that claim one port: who takes another one moves to it, the others are left out, and it is said."""

from __future__ import annotations

from collections.abc import Collection

from devstack.stack.detect import contract
from devstack.stack.detect.model import Candidate, Detected
from devstack.stack.model import ServiceType


def settle(detected: Detected, port: int, names: Collection[str]) -> bool:
    """Leave `port` to one of `names`: not to a container, rather to what others call, then to what is nearest the root.

    A service that claims it although its own port is another one (in a command, in a file) cannot be moved.
    False where the example of an env file, once it is copied, settles it.
    """
    claimants = [one for one in detected.services if one.name in names and not _is_elsewhere(one, port)]
    if len(claimants) < 2:
        return False
    keeper = min(claimants, key=lambda one: _standing(detected, one))
    if keeper.kind is ServiceType.COMPOSE or sum(not one.image for one in claimants) > 1:
        detected.contested.add(port)
    claimed = {one.port for one in detected.services if one.port is not None}
    for service in claimants:
        if service is keeper:
            continue
        if (service.is_frontend or service.port_variable) and service.port == port:
            move(detected, service, port, claimed)
            service.port_env = service.port_variable
        else:
            detected.services.remove(service)
            where = service.evidence[0] if service.evidence else service.folder.name
            detected.notes.append(
                f"{service.name} left out: {keeper.name} has port {port} too ({where}); "
                "to run both, add it with a port of its own"
            )
    contract.infer(detected)
    return True


def _is_elsewhere(service: Candidate, port: int) -> bool:
    """Whether its own example gives it another port than the one that its source falls back to."""
    is_example = service.example is not None and str(service.port) in service.defined.values()
    return is_example and service.port != port


def move(detected: Detected, service: Candidate, wanted: int, claimed: set[int]) -> None:
    """Give `service` the port `wanted`, or the next one that nobody has claimed; then it is claimed."""
    port = next(port for port in range(wanted, 65536) if port not in claimed)
    if port != wanted:
        detected.notes.append(f"{service.name} gets port {port}: {wanted} is claimed already")
    claimed.add(port)
    service.port = port


def _standing(detected: Detected, service: Candidate) -> tuple[bool, bool, int, int]:
    callers = sum(link.to == service.name for link in detected.links)
    is_container = service.kind is ServiceType.COMPOSE
    return is_container, service.is_frontend, -callers, len(service.folder.parts)
