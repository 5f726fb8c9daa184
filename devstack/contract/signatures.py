"""Which secrets must be one value because one service signs tokens with them and another one verifies these.

They often have different names, so nothing but the code tells: `jwt.sign(claims, process.env.NEXTAUTH_SECRET)` here,
`jwt.decode(token, settings.ws_jwt_key)` there. A service that only verifies gets its tokens from somebody, and where
the stack has a single signer it is that one. Where more than one could be meant nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from devstack.contract.members import is_issued_name
from devstack.env.source.model import Fallback, KeyUse, Role
from devstack.records import dataclass, field
from devstack.stack.model import Reference, Service, Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A variable that a service signs or verifies with; `use` is one place where it does."""

    service: str
    use: KeyUse

    @property
    def reference(self) -> str:
        """As stack.toml writes it, with the names that the code tries after the first one."""
        read = self.use.read
        sign = "|" if read.operator is Fallback.EMPTY_OR_UNSET else "?"
        return f"{self.service}:{sign.join((read.name or '', *read.otherwise))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What should be one value. `groups`: those of stack.toml that are parts of it already."""

    groups: tuple[str, ...]
    members: tuple[Member, ...]


@dataclass(slots=True)
class _Key:
    """One secret as far as names and stack.toml tell: members by service, signing and verifying ones."""

    group: str | None
    signers: dict[str, Member] = field(default_factory=dict)
    verifiers: dict[str, Member] = field(default_factory=dict)

    @property
    def is_torn(self) -> bool:
        """Whether services that are not declared to share it sign and verify with it."""
        return self.group is None and bool(self.signers) and bool(self.verifiers.keys() - self.signers.keys())


def undeclared(stack: Stack, keys: Callable[[Service], Iterable[KeyUse]]) -> Iterator[Common]:
    """What should be a `[shared]` group of several services and is none yet."""
    known = _by_secret(stack, keys)
    signed = [key for key in known if not key.verifiers]
    verified = [key for key in known if not key.signers]
    if len(verified) == 1:
        complete = [key for key in known if key.signers and key.verifiers]
        signers = signed or complete
        if len(signers) == 1 and not signers[0].signers.keys() & verified[0].verifiers.keys():
            yield _common(signers[0], verified[0])
            known.remove(signers[0])
    yield from (_common(key) for key in known if key.is_torn)


def _by_secret(stack: Stack, keys: Callable[[Service], Iterable[KeyUse]]) -> list[_Key]:
    groups = {
        (member.service, name): shared.name
        for shared in stack.shared.values()
        for member in shared.members
        if isinstance(member, Reference)
        for name in member.names
    }
    found: dict[tuple[str | None, str], _Key] = {}
    for service in stack.services.values():
        for use in keys(service):
            name = use.read.name or ""
            if is_issued_name(name):
                continue
            group = groups.get((service.name, name))
            key = found.setdefault((group, "" if group else name), _Key(group))
            members = key.signers if use.role is Role.SIGNS else key.verifiers
            members.setdefault(service.name, Member(service=service.name, use=use))
    return list(found.values())


def _common(*keys: _Key) -> Common:
    members = [member for key in keys for member in (*key.signers.values(), *key.verifiers.values())]
    by_reference = {member.reference: member for member in reversed(members)}
    return Common(
        groups=tuple(key.group for key in keys if key.group is not None),
        members=tuple(reversed(by_reference.values())),
    )
