"""Which containers of a compose file a stack needs whose services run on the machine itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from devstack.stack.detect import containers, images
from devstack.stack.detect.model import Candidate, Detected
from devstack.stack.detect.tree import Tree
from devstack.stack.model import ServiceType

_USUAL = {"default", "dev", "development", "local"}
_FOR_TESTS = re.compile(r"(?:^|[_-])(?:tests?|e2e|ci)(?:[_-]|$)")


def drop_published(tree: Tree, detected: Detected) -> bool:
    """Leave out what is a service of this repository once more, as an image that it publishes; True where one was."""
    started = [one for one in detected.services if one.kind is not ServiceType.COMPOSE]
    names = {one.folder.name for one in started} | {one.name for one in started} | images.own(tree)
    found = _containers(detected)
    exact = [one for one in found if started and (one.name in names or images.is_own(tree, one.image))]
    publishers = {images.publisher(one.image) for one in exact if images.is_own(tree, one.image)} - {""}
    dropped = [one for one in found if one in exact or images.publisher(one.image) in publishers]
    for one in dropped:
        detected.services.remove(one)
        is_own = images.is_own(tree, one.image) or images.publisher(one.image) in publishers
        why = "is what this source makes" if is_own else "stands for a service that runs here without it"
        detected.notes.append(f"container {one.name} left out: {one.evidence[0]} {why}")
    return bool(dropped)


def choose(tree: Tree, detected: Detected, *, is_deployment: bool) -> None:
    """Leave out the containers that nothing here can reach or uses, and say why.

    `is_deployment`: the file starts what this repository publishes, so of the others one on an unusual port is for
    development only if a service here names that port.
    """
    path, bodies = containers.read(tree)
    started = {one.folder: one.name for one in detected.services if one.folder != tree.root}
    found = {(one.compose or "").rpartition(":")[2]: one for one in _containers(detected)}
    has_source = len(found) < len(detected.services)
    reasons = {name: _reason(one, bodies[name], has_source=has_source) for name, one in found.items()}
    for name in found:
        of = next((started[place] for place in containers.mounts(path, bodies[name]) if place in started), "")
        reasons[name] = reasons[name] or (of and f"of the source of {of}")
    for name, one in found.items() if is_deployment else ():
        is_unusual = not containers.is_usual_port(bodies[name].get("ports"))
        if is_unusual and not reasons[name] and not _is_named(detected, one):
            reasons[name] = "for the published images: no service here names its port"
    for name in _needed({name for name, reason in reasons.items() if not reason}, bodies):
        reasons[name] = ""
    for reason in dict.fromkeys(reasons.values()):
        unneeded = [one for name, one in found.items() if reason and reasons[name] == reason]
        if unneeded:
            names = ", ".join(one.name for one in unneeded)
            detected.notes.append(f"left out of the containers: {names} ({reason})")
        detected.services[:] = [one for one in detected.services if one not in unneeded]


def _containers(detected: Detected) -> list[Candidate]:
    return [one for one in detected.services if one.kind is ServiceType.COMPOSE]


def _reason(container: Candidate, body: Mapping[str, Any], *, has_source: bool) -> str:
    if body.get("profiles") and not _USUAL.intersection(map(str, body["profiles"])):
        return f"only with profile {' or '.join(map(str, body['profiles']))}"
    if not has_source:
        return ""
    if _FOR_TESTS.search(container.name):
        return "for tests"
    if images.is_proxy(container.image):
        return "a proxy before containers"
    is_reachable = container.port is not None or body.get("network_mode") == "host"
    return "" if is_reachable else "no port on this machine"


def _needed(kept: set[str], bodies: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Those that a kept one waits for, and so on."""
    waiting = list(kept)
    seen = set(kept)
    while waiting:
        for name in containers.needs(bodies.get(waiting.pop(), {})):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
                yield name


def _is_named(detected: Detected, container: Candidate) -> bool:
    """Whether an env file or the source of a service has the container's port."""
    number = re.compile(rf"(?<!\d){container.port}(?!\d)")
    return any(
        number.search(text)
        for one in detected.services
        for text in (*one.defined.values(), *(read.fallback or "" for read in one.reads))
    )
