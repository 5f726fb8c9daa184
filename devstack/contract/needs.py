"""What stack.toml declares to be needed: every shared, linked or required variable, once per reader."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from devstack.env.model import Environment
from devstack.env.source.model import SourceIndex
from devstack.nearest import is_one_slip
from devstack.records import dataclass
from devstack.stack.model import HostPortReference, Link, Reference, Shared, Stack


class NeedKind(StrEnum):
    """Why a variable is needed."""

    LINKED = "linked"
    SHARED = "shared"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One reference that must give a value.

    Attributes:
        key: dotted key of stack.toml that says so.
        link: for linked ones.
        shared: for shared ones.
    """

    reference: Reference
    kind: NeedKind
    key: str
    link: Link | None = None
    shared: Shared | None = None

    @property
    def reason(self) -> str:
        """A phrase that completes "`NAME` …"."""
        if self.link is not None:
            return f"must reach `{self.link.to}`"
        if self.shared is not None:
            return f"is shared as `{self.shared.name}`"
        return "is required"


def needs(stack: Stack) -> tuple[Need, ...]:
    """Every need, each pair of service and names once; a link says more than a group, a group than a list."""
    found: dict[tuple[str, tuple[str, ...]], Need] = {}
    for need in (*_linked(stack), *_shared(stack), *_required(stack)):
        found.setdefault((need.reference.service, need.reference.names), need)
    covered = {(service, name) for service, names in found for name in names[1:]}
    return tuple(
        need
        for (service, names), need in found.items()
        if len(names) > 1 or (service, names[0]) not in covered
    )


def probably_meant(name: str, environment: Environment, index: SourceIndex) -> str | None:
    """The variable that the service has or reads, of which `name`, that it neither has nor reads, is a slip away."""
    reads = (*index.reads, *index.scripts, *index.packages)
    known = {one for read in reads for one in (read.name, *read.otherwise) if one}
    known.update(environment.variables)
    if name in known:
        return None
    return next((one for one in sorted(known) if is_one_slip(name, one)), None)


def declared_names(stack: Stack) -> dict[str, frozenset[str]]:
    """Service → names of its variables that stack.toml speaks of, alternatives included."""
    names: dict[str, set[str]] = {}
    for reference in (
        *(need.reference for need in needs(stack)),
        *(origins.source for origins in stack.origins),
    ):
        names.setdefault(reference.service, set()).update(reference.names)
    return {service: frozenset(found) for service, found in names.items()}


def _linked(stack: Stack) -> Iterator[Need]:
    for index, link in enumerate(stack.links):
        for reference in link_references(link):
            yield Need(reference=reference, kind=NeedKind.LINKED, key=f"links.{index}.from", link=link)


def link_references(link: Link) -> tuple[Reference, ...]:
    """The variables of a link: one, or host and port."""
    source = link.source
    if isinstance(source, HostPortReference):
        return tuple(
            Reference(service=source.service, names=(name,), text=f"{source.service}:{name}")
            for name in (source.host_name, source.port_name)
        )
    return (source,)


def _shared(stack: Stack) -> Iterator[Need]:
    for name, shared in stack.shared.items():
        for member in shared.members:
            if isinstance(member, Reference):
                key = f"shared.{name}.members"
                yield Need(reference=member, kind=NeedKind.SHARED, key=key, shared=shared)


def _required(stack: Stack) -> Iterator[Need]:
    for service, alternatives in stack.doctor.required.items():
        for names in alternatives:
            reference = Reference(
                service=service,
                names=names,
                empty_falls_through=(True,) * (len(names) - 1),
                text=f"{service}:{'|'.join(names)}",
            )
            yield Need(reference=reference, kind=NeedKind.REQUIRED, key=f"doctor.required.{service}")
