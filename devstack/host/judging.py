"""Whose a process is, and what kind: the class and the traits that decide whether it may be stopped."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

from devstack.host import process_facts, programs
from devstack.host.checkouts import checkout_root, is_same_repository
from devstack.host.command_text import printable, shown_command
from devstack.host.model import Holder, HolderClass, ProcessId, Trait
from devstack.host.process_facts import Facts
from devstack.records import dataclass, field, replace

# The control group of a process inside a container that shares the host's network.
_CONTAINER_GROUP = re.compile(
    r"(?:docker|libpod|crio|cri-containerd|containerd)[-/:]([0-9a-f]{12})[0-9a-f]*|/kubepods.*?([0-9a-f]{12})[0-9a-f]{52}"
)
_UNIT = re.compile(r"/([^/]+\.service)(?:/|$)")

FactsOf = Callable[[int], Facts | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A process that a run of this stack started, with the ports it was told to use, in order of roles."""

    service: str
    id: ProcessId
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Context:
    """From whose point of view holders are judged.

    Attributes:
        root: the checkout's top folder, absolute; None outside of one.
        records: what the run state says it started.
        run: the tag of that run.
        supervisor: the devstack that still watches over it; None when it is gone.
        pid, uid: the judging process; ours unless a test says otherwise.
    """

    root: str | None = None
    records: tuple[Record, ...] = ()
    run: str | None = None
    supervisor: ProcessId | None = None
    pid: int = field(default_factory=process_facts.own_pid)
    uid: int = field(default_factory=process_facts.own_uid)

    @cached_property
    def protected(self) -> frozenset[int]:
        """Ourselves, everything above us, and the leader of our terminal session."""
        return frozenset(
            {self.pid, *process_facts.ancestors(self.pid), *process_facts.session_leader(self.pid)}
        )

    @cached_property
    def cgroup(self) -> str:
        """Our own control group, to tell our container from others."""
        own = process_facts.facts(self.pid)
        return own.cgroup if own else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Class of a process, with the kind of program and advice where there is one."""

    holder_class: HolderClass
    trait: Trait | None = None
    detail: str | None = None
    stop_with: str | None = None
    service: str | None = None
    other_checkout: str | None = None


def judge(facts: Facts, address: str, context: Context, facts_of: FactsOf = process_facts.facts) -> Holder:
    """The process as a holder of a socket on `address`."""
    verdict = classify(facts, context, facts_of)
    return Holder(
        pid=facts.kin.pid,
        started_at=facts.created,
        command=shown_command(facts.argv, facts.kin.name),
        user=process_facts.user_name(facts.uid),
        cwd=printable(facts.cwd) if facts.cwd else None,
        address=address,
        holder_class=verdict.holder_class,
        service=verdict.service,
        detail=verdict.detail,
        id=facts.kin.id,
        uid=facts.uid,
        trait=verdict.trait,
        stop_with=verdict.stop_with,
        other_checkout=verdict.other_checkout,
    )


def classify(facts: Facts, context: Context, facts_of: FactsOf = process_facts.facts) -> Verdict:
    """The first answer that holds, from the most to the least forbidding, except that ours stays ours."""
    return (
        _protected(facts, context)
        or _container(facts, context)
        or _ours(facts, context, facts_of)
        or _system(facts)
        or _other_user(facts, context)
        or _supervised(facts, context, facts_of)
        or _neighbour(facts, context)
    )


def _protected(facts: Facts, context: Context) -> Verdict | None:
    pid = facts.kin.pid
    if pid == context.pid:
        return Verdict(holder_class=HolderClass.ANCESTOR, trait=Trait.SELF, detail="devstack itself")
    if pid in context.protected and pid != 1:
        return Verdict(holder_class=HolderClass.ANCESTOR, detail="this devstack runs under it")
    return None


def _container(facts: Facts, context: Context) -> Verdict | None:
    proxy = programs.container_proxy(facts)
    if proxy is not None:
        return Verdict(holder_class=HolderClass.CONTAINER, detail=f"a container's port, forwarded by {proxy}")
    group = _CONTAINER_GROUP.search(facts.cgroup)
    if group is None or facts.cgroup == context.cgroup:
        return None
    name = group[1] or group[2]
    stop = f"docker stop {name}" if "docker" in facts.cgroup else None
    return Verdict(holder_class=HolderClass.CONTAINER, detail=f"runs in container {name}", stop_with=stop)


def _ours(facts: Facts, context: Context, facts_of: FactsOf) -> Verdict | None:
    service = _own_service(facts, context)
    if service is None:
        return None
    watcher = _watcher(facts, context, facts_of)
    if watcher is None:
        return Verdict(
            holder_class=HolderClass.OURS, service=service or None, detail="left by an earlier run"
        )
    return Verdict(
        holder_class=HolderClass.OURS,
        service=service or None,
        trait=Trait.RUNNING_STACK,
        detail=f"started by the devstack that is running (pid {watcher})",
        stop_with=f"devstack stop {service}" if service else "devstack down",
    )


def _watcher(facts: Facts, context: Context, facts_of: FactsOf) -> int | None:
    """The devstack that would start it again: the recorded one, or one above it."""
    if context.supervisor is not None and process_facts.is_alive(context.supervisor):
        return context.supervisor.pid
    above = (facts_of(pid) for pid in process_facts.ancestors(facts.kin.pid) if pid not in context.protected)
    return next((entry.kin.pid for entry in above if entry and "devstack" in programs.names(entry)), None)


def _own_service(facts: Facts, context: Context) -> str | None:
    """The service it belongs to, "" when only the stack is known, None when it is not ours."""
    recorded = {record.id: record.service for record in context.records}
    if recorded:
        places = (process_facts.kin(pid) for pid in [facts.kin.pid, *process_facts.ancestors(facts.kin.pid)])
        for place in places:
            if place is not None and place.id in recorded:
                return recorded[place.id]
    if facts.run is None:
        return None
    cwd, root = facts.cwd, context.root
    is_here = cwd and root and programs.is_below(cwd, root) and checkout_root(cwd) in (root, None)
    return facts.service or "" if is_here or facts.run == context.run else None


def _system(facts: Facts) -> Verdict | None:
    if facts.kin.pid in (0, 1):
        return Verdict(holder_class=HolderClass.SYSTEM, trait=Trait.FIRST, detail="the first process")
    note = programs.system_note(facts)
    return None if note is None else Verdict(holder_class=HolderClass.SYSTEM, detail=note)


def _other_user(facts: Facts, context: Context) -> Verdict | None:
    if facts.uid is None or facts.uid == context.uid:
        return None
    user = process_facts.user_name(facts.uid)
    return Verdict(holder_class=HolderClass.OTHER_USER, detail=f"belongs to {user}")


def _supervised(facts: Facts, context: Context, facts_of: FactsOf) -> Verdict | None:
    """Started by something that would start it again, and has a command of its own to stop it."""
    for pid in process_facts.ancestors(facts.kin.pid):
        if pid in context.protected and pid != 1:
            break
        above = facts_of(pid)
        keeper = _keeper(above, facts, context) if above else None
        if keeper is not None:
            neighbour = _neighbour(facts, context)
            kept = f"kept running by {keeper[0]} (pid {pid})"
            return replace(
                neighbour,
                trait=Trait.SUPERVISED,
                detail=f"{neighbour.detail}, {kept}" if neighbour.detail else kept,
                stop_with=keeper[1],
            )
    return None


def _keeper(above: Facts, facts: Facts, context: Context) -> tuple[str, str] | None:
    """Name of what restarts `facts`, and how to ask it; None when `above` restarts nothing."""
    unit = _ask_systemd(facts, context) if above.kin.name == "systemd" else None
    return ("systemd", unit) if unit else programs.supervisor(above)


def _ask_systemd(facts: Facts, context: Context) -> str | None:
    unit = _UNIT.search(re.sub(r"/user@\d+\.service", "", facts.cgroup))
    if unit is None or facts.cgroup == context.cgroup:
        return None
    scope = "systemctl --user" if "/user@" in facts.cgroup else "sudo systemctl"
    return f"{scope} stop {unit[1]}"


def _neighbour(facts: Facts, context: Context) -> Verdict:
    """A program of this user: of this checkout, of another one, or of nobody we know."""
    trait = programs.trait(facts)
    root, cwd = context.root, facts.cwd
    if trait is not None or root is None or cwd is None:
        return Verdict(holder_class=HolderClass.FOREIGN, trait=trait)
    home = checkout_root(cwd) or (root if programs.is_below(cwd, root) else None)
    if home == root and programs.is_dev_server(facts, root):
        return Verdict(holder_class=HolderClass.SAME_REPO)
    if home is None or home == root or not is_same_repository(home, root):
        return Verdict(holder_class=HolderClass.FOREIGN)
    shown = printable(home)
    detail = f"of another checkout of this repository: {shown}"
    return Verdict(holder_class=HolderClass.FOREIGN, detail=detail, other_checkout=shown)
