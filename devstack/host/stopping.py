"""What freeing ports would take: the trees to stop, what else they hold, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from devstack.host import process_facts, programs
from devstack.host.command_text import shown_command
from devstack.host.holders import holders
from devstack.host.judging import Context
from devstack.host.listening import listeners_of
from devstack.host.model import Holder, ProcessId
from devstack.host.policy import Permission, may_kill
from devstack.host.process_facts import Facts, Kin
from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A process that will be signalled; `command` may be shown."""

    id: ProcessId
    command: str
    parent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A root and everything below it.

    Attributes:
        members: parents before children; the first is the root.
        holders: the pids in it for whose sake it is stopped.
        ports: every port that it listens on, asked for or not.
        respawner: the root's parent, where that could start it again.
    """

    members: tuple[Member, ...]
    holders: frozenset[int]
    ports: tuple[int, ...]
    respawner: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A holder that stays, and why."""

    port: int
    holder: Holder
    permission: Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What freeing `ports` means. A port with a refusal is not touched at all.

    Attributes:
        holders: who listens on each port now.
    """

    ports: tuple[int, ...]
    holders: Mapping[int, list[Holder]]
    trees: tuple[Tree, ...] = ()
    refusals: tuple[Refusal, ...] = ()

    @property
    def also_holds(self) -> tuple[int, ...]:
        """Ports nobody asked for that become free as well."""
        held = {port for tree in self.trees for port in tree.ports}
        return tuple(sorted(held - set(self.ports)))


def propose(ports: Iterable[int], context: Context, *, force: bool = False) -> Proposal:
    """Look who holds `ports` and what stopping them would take. Touches nothing."""
    wanted = tuple(dict.fromkeys(ports))
    held = holders(wanted, context)
    refusals = [
        Refusal(port=port, holder=holder, permission=permission)
        for port, found in held.items()
        for holder in found
        if not (permission := may_kill(holder, force=force)).is_allowed
    ]
    refused = {refusal.port for refusal in refusals}
    stoppable = {
        holder.pid for port, found in held.items() if port not in refused for holder in found if holder.pid
    }
    return Proposal(
        ports=wanted,
        holders=held,
        trees=tuple(_trees(stoppable, context)),
        refusals=tuple(refusals),
    )


def _trees(pids: set[int], context: Context) -> list[Tree]:
    table = process_facts.everyone() if pids else {}
    roots: dict[int, set[int]] = {}
    for pid in pids:
        roots.setdefault(_climb(pid, context, table), set()).add(pid)
    outer = {root for root in roots if not roots.keys() & set(process_facts.ancestors(root, table))}
    for inner in roots.keys() - outer:
        above = next(pid for pid in process_facts.ancestors(inner, table) if pid in outer)
        roots[above] |= roots[inner]
    return [_tree(root, roots[root], context, table) for root in sorted(outer)]


def _tree(root: int, holding: set[int], context: Context, table: dict[int, Kin]) -> Tree:
    members = [_member(place) for place in _own_descendants(root, context, table)]
    held = {listener.port for listener in listeners_of(member.id.pid for member in members)}
    return Tree(
        members=tuple(members),
        holders=frozenset(holding),
        ports=tuple(sorted(held)),
        respawner=_respawner(table[root].parent, context) if root in table else None,
    )


def _respawner(parent: int, context: Context) -> int | None:
    """`parent` when it may start a lost child again: no ancestor of ours, and no shell where a person types."""
    if parent <= 1 or parent in context.protected:
        return None
    facts = process_facts.facts(parent)
    return None if facts is None or programs.is_interactive_shell(facts) else parent


def _own_descendants(root: int, context: Context, table: dict[int, Kin]) -> list[Kin]:
    return [place for place in process_facts.descendants([root], table) if place.pid not in context.protected]


def _member(place: Kin) -> Member:
    facts = process_facts.facts(place.pid)
    return Member(
        id=place.id,
        command=shown_command(facts.argv if facts else (), place.name),
        parent=place.parent,
    )


def _climb(pid: int, context: Context, table: dict[int, Kin]) -> int:
    """The highest wrapper above `pid` that would start it again or is of no use without it."""
    root = pid
    while (parent := table[root].parent if root in table else 0) > 1:
        if (
            parent in context.protected
            or parent not in table
            or not _goes_along(parent, root, context, table)
        ):
            break
        root = parent
    return root


def _goes_along(parent: int, child: int, context: Context, table: dict[int, Kin]) -> bool:
    above, below = process_facts.facts(parent), process_facts.facts(child)
    if above is None or below is None or above.uid != below.uid or _is_guarded(above):
        return False
    others = [place.pid for place in process_facts.descendants([parent], table)]
    others = [pid for pid in others if pid not in (parent, *_pids_below(child, table))]
    if any(_is_guarded(facts) for facts in map(process_facts.facts, others) if facts):
        return False  # a database or an editor under the same runner is not ours to stop
    if programs.is_shell_command(above):
        return not others
    is_twin = above.argv == below.argv and above.executable == below.executable
    return is_twin or programs.is_runner(above)


def _pids_below(root: int, table: dict[int, Kin]) -> list[int]:
    return [place.pid for place in process_facts.descendants([root], table)]


def _is_guarded(facts: Facts) -> bool:
    return bool(
        programs.trait(facts)
        or programs.container_proxy(facts)
        or programs.system_note(facts)
        or programs.supervisor(facts)
    )
