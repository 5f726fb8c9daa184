"""Every WebSocket address of the stack, wherever it stands: env files of any mode, values, source. Shared by rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from devstack.contract import urls
from devstack.contract.spelling import intended
from devstack.contract.urls import Address
from devstack.records import dataclass
from devstack.rules import reach
from devstack.rules.base import Location
from devstack.rules.envfiles import is_example
from devstack.stack.model import FRONTENDS

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketAddress:
    """A ws(s) address and where it stands; `service` where one can be told."""

    address: Address
    text: str
    place: Location
    name: str | None = None
    service: str | None = None


def socket_addresses(inspection: Inspection) -> Iterator[SocketAddress]:
    """Addresses in env files, then https ones of links that need a WebSocket, then literals in source."""
    yield from _in_files(inspection)
    for judged, address in reach.sound(inspection):
        if judged.requirement.websocket and not address.is_websocket:
            yield SocketAddress(
                address=address,
                text=judged.effective.text or "",
                place=reach.place(inspection, judged),
                name=judged.effective.name,
                service=judged.link.source.service,
            )
    for service in inspection.need_stack().services:
        for literal in inspection.sources(service).urls:
            address = urls.parse(literal.url)
            if address.is_websocket and not address.faults:
                place = inspection.at(literal.path, literal.line)
                yield SocketAddress(address=address, text=literal.url, place=place, service=service)


def _in_files(inspection: Inspection) -> Iterator[SocketAddress]:
    for path in inspection.env_paths:
        file = None if is_example(path.name) else inspection.env_file(path)
        if file is None or "://" not in file.text:
            continue
        owners = inspection.readers(path) or inspection.once(_by_folder).get(inspection.real(path.parent), ())
        for each in file.assignments:
            text = intended(each.raw)
            if not text.lower().startswith(("ws://", "wss://")) or "$" in text:
                continue
            address = urls.parse(text)
            if not address.faults and not reach.is_template(address):
                place = inspection.at(path, each.line, variable=each.name)
                yield SocketAddress(
                    address=address, text=text, place=place, name=each.name, service=next(iter(owners), None)
                )


def _by_folder(inspection: Inspection) -> dict[str, list[str]]:
    """Real folder → the services in it."""
    found: dict[str, list[str]] = {}
    for service in inspection.services:
        found.setdefault(inspection.real(inspection.folder(service)), []).append(service.name)
    return found


def is_frontend(inspection: Inspection, service: str | None) -> bool:
    """Whether the service is a page's."""
    return service is not None and inspection.need_stack().services[service].type in FRONTENDS
