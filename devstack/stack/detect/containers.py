"""Services of compose files: infrastructure becomes services, builds of known folders become host names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from devstack import foreign
from devstack.stack import package
from devstack.stack.detect.model import Candidate, Evidence
from devstack.stack.detect.tree import Tree
from devstack.stack.model import ServiceType

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_PROJECT = re.compile(r"""^name\s*=\s*['"]([^'"]+)['"]""", re.MULTILINE)
_IMAGE_TAG = re.compile(r"(?::[^/]*)?(?:@.*)?$")


def find(tree: Tree, known: list[Candidate]) -> Iterator[Candidate]:
    """Candidates for images; a service that builds a known folder adds its name to that candidate's aliases."""
    for path in sorted(tree.named(*NAMES), key=_remoteness)[:1]:
        bodies = _services(tree.text(path))
        for name, body in bodies.items():
            built = _built(path.parent, body, known)
            if built is not None:
                if name != built.name:
                    built.aliases.append(name)
            elif "image" in body and not _is_made(body, bodies):
                yield _candidate(tree, path, name, body)


def published(tree: Tree, services: list[Candidate]) -> Iterator[Candidate]:
    """Containers that are a service of this repository once more, as the image that it publishes."""
    started = [one for one in services if one.kind is not ServiceType.COMPOSE]
    if not started:
        return
    found = package.read(tree.root)
    project = _PROJECT.search(tree.text(tree.root / "pyproject.toml"))
    own = {tree.root.name.lower(), found.name.lower() if found else "", project[1].lower() if project else ""}
    names = {one.folder.name for one in started} | {one.name for one in started}
    for container in services:
        image = _IMAGE_TAG.sub("", container.image.lower()).rpartition("/")[2]
        if container.image and (container.name in names or own & {container.name, image}):
            yield container


def _remoteness(path: Path) -> tuple[int, bool]:
    """How little a file looks like the one for development: depth first, then its folder's name."""
    return len(path.parts), not {"dev", "development", "local"}.intersection(path.parts)


def left_out(tree: Tree, known: list[Candidate]) -> Iterator[str]:
    """What compose files hold and devstack does not start, in words."""
    for path in tree.named(*NAMES)[:1]:
        shown = tree.shown(path)
        bodies = _services(tree.text(path))
        builds = [
            name
            for name, body in bodies.items()
            if _is_made(body, bodies) and _built(path.parent, body, known) is None
        ]
        if builds:
            yield f"{shown} builds {', '.join(builds)} from folders in which nothing was recognised: not taken"


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
    inside = [one for one in known if not one.image and one.folder.resolve() in places]
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
