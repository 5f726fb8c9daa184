"""Services of compose files: infrastructure becomes services, builds of known folders become host names."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from devstack import foreign
from devstack.stack.detect import images
from devstack.stack.detect.model import Candidate, Evidence
from devstack.stack.detect.tree import Tree
from devstack.stack.model import ServiceType

_FILE = re.compile(
    r"(?:docker-)?compose(?:[.-](dev|development|local|infra|middleware|services|deps))?\.ya?ml"
)
_BUILT = set(ServiceType) - {ServiceType.COMPOSE, ServiceType.COMMAND}
_ASIDE = {"profiling", "monitoring", "observability", "telemetry", "ci"}
_LISTS = ("ports", "profiles")
DEFAULTS = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""The files at the root that `docker compose` reads unasked."""


def find(tree: Tree, known: list[Candidate]) -> Iterator[Candidate]:
    """Candidates for images; a service that builds a known folder gives that candidate its name and its profiles."""
    path, bodies = read(tree)
    profiles: dict[str, list[tuple[str, ...]]] = {}
    for name, body in bodies.items():
        built = _built(path.parent, body, known)
        if built is not None:
            profiles.setdefault(built.name, []).append(_texts(body.get("profiles")))
            if name != built.name:
                built.aliases.append(name)
        elif "image" in body and (not _is_made(body, bodies) or images.is_store(str(body["image"]))):
            yield _candidate(tree, path, name, body)
    is_exception = not all(body.get("profiles") for body in bodies.values())
    for one in known if is_exception else ():
        found = profiles.get(one.name, [])
        one.profiles = tuple(dict.fromkeys(itertools.chain(*found))) if all(found) else ()


def read(tree: Tree) -> tuple[Path, Mapping[str, dict[str, Any]]]:
    """The compose file for development and its services: the nearest to the root, of several there the one named so.

    A file beside another one that only changes some of its services starts nothing by itself: it is not the one.
    """
    found = sorted((path for path in tree.files if _FILE.fullmatch(path.name)), key=_remoteness)
    files = [(path, bodies) for path in found if (bodies := _services(tree.text(path)))]
    beside = [one for one in files if one[0].parent == files[0][0].parent]
    for key in ("image", "build"):
        for path, bodies in beside:
            if any(key in body for body in bodies.values()):
                return path, _with_override(tree, path, bodies)
    return tree.root, {}


def _with_override(
    tree: Tree, path: Path, bodies: Mapping[str, dict[str, Any]]
) -> Mapping[str, dict[str, Any]]:
    """As Docker Compose reads a file of a usual name: with what the one beside it adds."""
    more = (
        _services(tree.text(path.with_name(f"{path.stem}.override{path.suffix}")))
        if path.name in DEFAULTS
        else {}
    )
    merged = dict(bodies)
    for name, body in more.items():
        base = merged.get(name, {})
        lists = {
            key: [*base[key], *body[key]] for key in _LISTS if isinstance(base.get(key), list) and key in body
        }
        merged[name] = base | body | lists
    return merged


def _remoteness(path: Path) -> tuple[bool, int, bool, bool, str]:
    """How little a file looks like the one for development: depth first, then its folder's name and its own."""
    match = _FILE.fullmatch(path.name)
    is_named = {"dev", "development", "local"}.intersection(path.parts)
    is_aside = bool(_ASIDE.intersection(path.parts))
    return is_aside, len(path.parts), not is_named, not (match and match[1]), path.name


def left_out(tree: Tree, known: list[Candidate]) -> Iterator[str]:
    """What compose files hold and devstack does not start, in words."""
    path, bodies = read(tree)
    builds = [
        name
        for name, body in bodies.items()
        if _is_made(body, bodies)
        and _built(path.parent, body, known) is None
        and not body.get("profiles")
        and all(one.name != name for one in known)
    ]
    if builds:
        yield f"{tree.shown(path)} builds {', '.join(builds)} from folders in which nothing was recognised: not taken"


@lru_cache(maxsize=64)
def _services(text: str) -> Mapping[str, dict[str, Any]]:
    try:
        data = foreign.from_yaml(text)
    except ValueError:
        return {}
    services = data.get("services") if isinstance(data, dict) else None
    if not isinstance(services, dict):
        return {}
    return {str(name): body for name, body in services.items() if isinstance(body, dict)}


def _is_made(body: Mapping[str, Any], bodies: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the file itself builds the image, for this service or for another one that runs it."""
    image = body.get("image")
    return "build" in body or any(image == one.get("image") for one in bodies.values() if "build" in one)


def _built(folder: Path, body: Mapping[str, Any], known: list[Candidate]) -> Candidate | None:
    build = body.get("build")
    context = build.get("context", ".") if isinstance(build, dict) else build
    if not isinstance(context, str):
        return None
    places = [(folder / context).resolve()]
    if isinstance(build, dict) and isinstance(build.get("dockerfile"), str):
        places.append((places[0] / build["dockerfile"]).parent)
    servers = (one for one in known if one.kind in _BUILT and not one.is_worker)
    inside = [one for one in servers if one.folder.resolve() in places]
    return inside[0] if len(inside) == 1 else None


def _candidate(tree: Tree, path: Path, name: str, body: Mapping[str, Any]) -> Candidate:
    text = tree.text(path)
    match = re.search(rf"^\s+['\"]?{re.escape(name)}['\"]?\s*:", text, re.MULTILINE)
    line = 1 if match is None else text.count("\n", 0, match.end()) + 1
    return Candidate(
        name=name,
        kind=ServiceType.COMPOSE,
        folder=tree.root,
        compose=f"{tree.shown(path)}:{name}",
        port=_host_port(body.get("ports")),
        image=str(body["image"]),
        evidence=[Evidence(path=tree.shown(path), line=line, what=f"image {body['image']}")],
    )


def needs(body: Mapping[str, Any]) -> tuple[str, ...]:
    """The services that one waits for, as its `depends_on` says."""
    found = body.get("depends_on")
    return tuple(str(name) for name in found) if isinstance(found, dict) else _texts(found)


def mounts(path: Path, body: Mapping[str, Any]) -> Iterator[Path]:
    """The folders beside the compose file `path` that a container gets."""
    found = body.get("volumes")
    for entry in found if isinstance(found, list) else ():
        source = entry.get("source") if isinstance(entry, dict) else str(entry).partition(":")[0]
        if isinstance(source, str) and source.startswith("."):
            yield Path(os.path.normpath(path.parent / source))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else ()


def is_usual_port(ports: object) -> bool:
    """Whether the first published port is the one that the container itself has."""
    first = next(iter(ports), "") if isinstance(ports, list) else ""
    return str(_host_port(ports)) == str(first).partition("/")[0].rpartition(":")[2]


def _host_port(ports: object) -> int | None:
    """The first port published on the host."""
    for entry in ports if isinstance(ports, list) else ():
        if isinstance(entry, dict):
            published = str(entry.get("published", ""))
        else:
            text = re.sub(r"\$\{[^}:]*:?-(\d+)\}", r"\1", str(entry)).partition("/")[0]
            published = text.split(":")[-2] if ":" in text else ""
        if published.isdigit() and 0 < int(published) < 65536:
            return int(published)
    return None
