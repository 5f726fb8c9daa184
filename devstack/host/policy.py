"""Which holders may be stopped. Pure: decides from a `Holder` alone."""

from __future__ import annotations

from devstack.host.model import Holder, HolderClass, Trait
from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """An answer of `may_kill`.

    Attributes:
        is_allowed: it may be stopped, once the person agrees.
        needs_force: it may be stopped with `--force`, which was not given.
        reason: why not, as the end of a sentence that names the holder; "" when allowed.
        instead: a command that does it properly, or None.
    """

    is_allowed: bool
    needs_force: bool = False
    reason: str = ""
    instead: str | None = None


_NEVER = {
    HolderClass.ANCESTOR: "this devstack runs under it",
    HolderClass.SYSTEM: "it belongs to the operating system",
    HolderClass.OTHER_USER: "it belongs to another user",
    HolderClass.CONTAINER: "it forwards a container's port; stopping it would cut the container off",
}
_NEVER_TRAITS = {
    Trait.SELF: "it is devstack itself",
    Trait.FIRST: "it is the first process",
    Trait.EDITOR: "it belongs to an editor or coding agent",
    Trait.RUNNING_STACK: "a running devstack watches over it and would start it again",
}
_WITH_FORCE = {
    Trait.TUNNEL: "it is an ssh tunnel, not a dev server",
    Trait.DATABASE: "it is a database, which may hold data in memory",
    Trait.SUPERVISED: "it would be started again",
}


def may_kill(holder: Holder, *, force: bool = False) -> Permission:
    """Whether `holder` may be stopped.

    Leftovers of our own runs and dev servers of this repository may; other programs of this user only with
    `force`; whatever belongs to somebody else, to the system, to a container or to ourselves never.
    """
    if holder.pid is None or holder.id is None:
        return Permission(is_allowed=False, reason="its process is not visible", instead=holder.stop_with)
    never = _NEVER.get(holder.holder_class) or (_NEVER_TRAITS.get(holder.trait) if holder.trait else None)
    if never is not None:
        return Permission(is_allowed=False, reason=never, instead=holder.stop_with)
    hindered = _WITH_FORCE.get(holder.trait) if holder.trait else None
    if hindered is None and holder.holder_class is HolderClass.FOREIGN:
        hindered = "it is not a dev server of this repository"
    if hindered is None or force:
        return Permission(is_allowed=True)
    return Permission(is_allowed=False, needs_force=True, reason=hindered, instead=holder.stop_with)
