"""The stack as a picture: start order, links and shared values; text, Mermaid and Graphviz."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from devstack.records import dataclass
from devstack.stack import graph
from devstack.stack.model import Condition, HostPortReference, Link, Reference, Service, Shared, Stack


def text(stack: Stack) -> str:
    """For the terminal: services in start order, then what they must agree on."""
    lines = [stack.name, ""]
    lines += _start_order(stack)
    lines += _section("links", [f"{one.source.text} -> {_target(stack, one)}" for one in stack.links])
    lines += _section("shared", [_shared_line(group) for group in stack.shared.values()])
    lines += _section(
        "distinct", [" != ".join(one.text for one in group.members) for group in stack.distinct]
    )
    lines += _section(
        "origins", [f"{one.source.text} allows {', '.join(one.allows)}" for one in stack.origins]
    )
    return "\n".join(lines) + "\n"


def mermaid(stack: Stack) -> str:
    """A Mermaid flowchart; solid arrows wait, dotted arrows are links, lines are shared values."""
    ids = {name: f"s{number}" for number, name in enumerate(stack.services)}
    lines = ["flowchart LR"]
    lines += [f'  {ids[service.name]}["{_box(service, "<br/>")}"]' for service in stack.services.values()]
    for edge in _edges(stack):
        arrow = {"needs": "-->", "link": "-.->", "shared": "---"}[edge.kind]
        lines.append(f'  {ids[edge.start]} {arrow}|"{_mermaid_text(edge.label)}"| {ids[edge.end]}')
    return "\n".join(lines) + "\n"


def dot(stack: Stack) -> str:
    """A Graphviz digraph."""
    style = {
        "needs": "style=solid",
        "link": "style=dashed, color=blue",
        "shared": "style=dotted, dir=none, color=darkgreen",
    }
    lines = [f"digraph {_quoted(stack.name)} {{", "  rankdir=LR;", "  node [shape=box];"]
    for service in stack.services.values():
        lines.append(f"  {_quoted(service.name)} [label={_quoted(_box(service, chr(10)))}];")
    for edge in _edges(stack):
        ends = f"{_quoted(edge.start)} -> {_quoted(edge.end)}"
        lines.append(f"  {ends} [label={_quoted(edge.label)}, {style[edge.kind]}];")
    return "\n".join([*lines, "}"]) + "\n"


@dataclass(frozen=True, slots=True)
class _Edge:
    """A relation between two services; kind: needs, link or shared."""

    kind: str
    start: str
    end: str
    label: str


def _edges(stack: Stack) -> Iterator[_Edge]:
    for service in stack.services.values():
        for one in service.depends_on:
            yield _Edge("needs", service.name, one.service, str(one.condition))
    for link in stack.links:
        yield _Edge("link", link.source.service, link.to, _variables(link.source))
    for group in stack.shared.values():
        members = [one for one in group.members if isinstance(one, Reference)]
        services = list(dict.fromkeys(one.service for one in members))
        for first, second in pairwise(services):
            yield _Edge("shared", first, second, group.name)


def _start_order(stack: Stack) -> list[str]:
    lines = []
    layers = graph.order(stack)
    width = max(len(name) for name in stack.services)
    for number, layer in enumerate(layers, start=1):
        for name in layer:
            service = stack.services[name]
            needs = ", ".join(_need(one.service, one.condition) for one in service.depends_on)
            facts = "  ".join(
                fact
                for fact in (str(service.type), _ports(service), f"after {needs}" if needs else "")
                if fact
            )
            lines.append(f"  {number}. {name.ljust(width)}  {facts}")
    return ["start order", *lines]


def _need(service: str, condition: Condition) -> str:
    return service if condition is Condition.READY else f"{service} ({condition})"


def _ports(service: Service) -> str:
    ports = [
        f":{port.number}" if port.role == "main" else f"{port.role}:{port.number}"
        for port in service.all_ports
    ]
    return " ".join(ports)


def _box(service: Service, newline: str) -> str:
    return newline.join(part for part in (service.name, str(service.type), _ports(service)) if part)


def _target(stack: Stack, link: Link) -> str:
    service = stack.services[link.to]
    number = next((port.number for port in service.all_ports if port.role == link.role), None)
    scheme = f"{'/'.join(link.schemes)}://" if link.schemes and link.schemes != ("any",) else ""
    port = "" if number is None else f":{number}"
    role = "" if link.role == "main" else f".{link.role}"
    return f"{scheme}{link.to}{role}{port}{link.path or ''}"


def _shared_line(group: Shared) -> str:
    secret = " (secret)" if group.secret else ""
    return f"{group.name}{secret}: {' = '.join(member.text for member in group.members)}"


def _variables(source: Reference | HostPortReference) -> str:
    return source.text.partition(":")[2]


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", title, *(f"  {line}" for line in lines)] if lines else []


def _mermaid_text(label: str) -> str:
    return label.replace('"', "#quot;").replace("|", "#124;")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
