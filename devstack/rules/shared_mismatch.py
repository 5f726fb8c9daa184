"""Readers of one shared value get different values.

## Why it matters
A token that one service signs with its secret is refused by a service that verifies with another. The browser
hides the reason and shows WebSocket close code 1006. With URLs and keys the services talk to different servers.

Effective values are compared: what each reading program gets after its own loader's rules, in the order in which
its code tries the names, down to the literal in the source. Quotes on one side only, a default port or a
trailing slash are no difference. Values of a `[[distinct]]` group are checked the other way round.

## Example
```
web/.env.local   JWT_SECRET=0f1e…      # Next signs with this
ws/.env          NEXTAUTH_SECRET=ffee… # ws reads JWT_SECRET|NEXTAUTH_SECRET: another value
```

## Mending
Give every member one value: `devstack env rotate GROUP` writes a new one everywhere, `--unsafe-fixes` copies the
one that most members have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from devstack.contract import differences, urls
from devstack.contract.links import is_same_endpoint
from devstack.contract.members import Effective, Provenance
from devstack.env.model import LayerKind
from devstack.records import replace
from devstack.rules import evidence
from devstack.rules.base import Edit, Finding, Fix, Rule, Severity
from devstack.rules.invisible_characters import CURLY
from devstack.rules.loader_disagreement import is_explained_by_loaders
from devstack.rules.signing import may_rotate

if TYPE_CHECKING:
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Shared, Stack


def check(inspection: Inspection) -> Iterator[Finding]:
    """One finding per group that disagrees, one per `[[distinct]]` group with equal values."""
    stack = inspection.need_stack()
    for shared in stack.shared.values():
        found = _known(inspection, shared)
        classes = _classes(found, stack)
        if len(classes) < 2 or only_schemes_differ(found):
            continue
        if is_explained_by_loaders(inspection, found) or _is_one_export(found):
            continue
        if _exports_that_tear(found, stack):
            continue  # `shadowed-by-process` names them, and the group
        if len(classes) > 2 or not _is_invisible(classes[0][0], classes[1][0]):
            yield _mismatch(inspection, shared, classes)
    for index, distinct in enumerate(stack.distinct):
        yield from _equal_ones(inspection, index, inspection.contract.effective_all(distinct.members))


def torn_by_exports(inspection: Inspection) -> dict[str, str]:
    """Exported name → the group whose readers would agree without it."""
    stack = inspection.need_stack()
    return {
        name: shared.name
        for shared in stack.shared.values()
        for name in _exports_that_tear(_known(inspection, shared), stack)
    }


def _known(inspection: Inspection, shared: Shared) -> list[Effective]:
    """Members whose values can be compared; those of a merge conflict wait for its end, `syntax` names it."""
    members = inspection.contract.effective_all(shared.members)
    return [each for each in members if each.is_known and each.text and not _is_undecided(inspection, each)]


def _is_undecided(inspection: Inspection, found: Effective) -> bool:
    origin = None if found.value is None else found.value.origin
    if origin is None or origin.path is None or origin.line is None:
        return False
    file = inspection.env_file(origin.path)
    return file is not None and file.is_in_conflict(origin.line)


def _exports_that_tear(found: Sequence[Effective], stack: Stack) -> set[str]:
    """Exported names in place of whose values the files' own would make all of `found` equal."""
    exported: set[str] = set()
    alone: list[Effective] = []
    for each in found:
        value = each.value
        shadows = value.shadows if value is not None and evidence.is_from_process(each) else ()
        text = next((shadow.text for shadow in shadows if shadow.origin.layer is LayerKind.FILE), None)
        if text and each.name:
            exported.add(each.name)
        alone.append(replace(each, text=text) if text else each)
    is_torn = len(_classes(found, stack)) > 1 and len(_classes(alone, stack)) == 1
    return exported if is_torn else set()


def _classes(found: Sequence[Effective], stack: Stack) -> list[list[Effective]]:
    """Members with equal values together, the largest class first."""
    classes: list[list[Effective]] = []
    for each in found:
        for members in classes:
            if is_equal(members[0], each, stack):
                members.append(each)
                break
        else:
            classes.append([each])
    return sorted(classes, key=lambda members: (-len(members), _is_doubtful(members[0])))


def is_equal(left: Effective, right: Effective, stack: Stack) -> bool:
    """Whether two members agree: equal text, or one endpoint spelt in two ways."""
    one, other = left.text or "", right.text or ""
    if is_same_endpoint(one, other, stack):
        return True
    is_livekit = any("LIVEKIT" in (each.name or "").upper() for each in (left, right))
    return is_livekit and is_same_endpoint(_as_http(one), _as_http(other), stack)


def _as_http(text: str) -> str:
    """LiveKit's SDKs take http(s) and ws(s) for one server."""
    return "http" + text[2:] if urls.has_scheme(text) and text.lower().startswith("ws") else text


def only_schemes_differ(found: Sequence[Effective]) -> bool:
    """One endpoint with ws and wss: that is `url-scheme-mismatch`."""
    bare = {text.partition("://")[2].rstrip("/") for text in (each.text or "" for each in found)}
    return len(bare) == 1 and all(urls.has_scheme(each.text or "") for each in found)


def _is_one_export(found: Sequence[Effective]) -> bool:
    """One exported variable that a loader rewrote for some readers: that is `value-mangled`."""
    return len({each.name for each in found}) == 1 and all(evidence.is_from_process(each) for each in found)


def _is_invisible(left: Effective, right: Effective) -> bool:
    """Two lines that differ by signs nobody sees, or by quotes that are none: `invisible-characters` says so."""
    values = [each.value for each in (left, right)]
    if any(value is None or value.origin.layer is not LayerKind.FILE for value in values):
        return False
    texts = [each.text or "" for each in (left, right)]
    if differences.describe(*texts) == "only in invisible characters":
        return True
    return len({text.strip(CURLY) for text in texts}) == 1


def _is_doubtful(found: Effective) -> bool:
    return found.provenance is Provenance.FALLBACK


def _mismatch(inspection: Inspection, shared: Shared, classes: list[list[Effective]]) -> Finding:
    right, wrong = classes[0][0], classes[1][0]
    secret = evidence.is_secret(shared)
    how = differences.describe(right.text or "", wrong.text or "")
    sides = " and ".join(_side(inspection, each, secret) for each in (right, wrong))
    signs = secret and not any(urls.has_scheme(each.text or "") for each in (right, wrong))
    what = (
        "What one signs the other refuses; the browser shows only WebSocket close code 1006."
        if signs
        else "They do not work with the same thing, and neither says so."
    )
    renew = f", or run `devstack env rotate {shared.name}`" if may_rotate(shared) and signs else ""
    others = [each for members in classes for each in members if each is not wrong]
    count = sum(len(members) for members in classes)
    return RULE.finding(
        f"The {count} readers of shared `{shared.name}` do not agree: {sides} differ {how}. {what}",
        evidence.place(inspection, wrong, note=_note(inspection, wrong, secret)),
        *(evidence.place(inspection, each, note=_note(inspection, each, secret)) for each in others),
        inspection.at_key(f"shared.{shared.name}", note="declared to be one value"),
        service=wrong.service,
        hint=f"give `{wrong.name or evidence.label(wrong.member)}` the value of `{evidence.label(right.member)}`{renew}"
        if secret
        else f"make `{evidence.label(wrong.member)}` and `{evidence.label(right.member)}` equal",
        fix=_copy(inspection, right, wrong),
    )


def _side(inspection: Inspection, found: Effective, secret: bool) -> str:
    where = f"`{evidence.label(found.member)}`"
    value = evidence.shown(inspection, found.text, secret=secret, name=found.name or "")
    if found.provenance is Provenance.FALLBACK and found.fallback is not None:
        state = "not set" if found.value is None else "set to nothing"
        return f"{where} ({state}; the source's fallback at {found.path}:{found.line} is used: {value})"
    via = f" through `{found.name}`" if found.name and not _is_first(found) else ""
    return f"{where} ({value}{via})"


def _is_first(found: Effective) -> bool:
    names = getattr(found.member, "names", (found.name,))
    return bool(names) and names[0] == found.name


def _note(inspection: Inspection, found: Effective, secret: bool) -> str:
    value = evidence.shown(inspection, found.text, secret=secret, name=found.name or "")
    kind = "fallback in source" if found.provenance is Provenance.FALLBACK else evidence.label(found.member)
    return f"{kind}: {value}"


def _copy(inspection: Inspection, right: Effective, wrong: Effective) -> Fix | None:
    """Copying a secret is never safe: which side is right only a person knows."""
    value = wrong.value
    if right.provenance is not Provenance.ENVIRONMENT or right.text is None or wrong.name is None:
        return None
    if value is None or value.origin.layer is not LayerKind.FILE or value.origin.path is None:
        return None
    path = inspection.shown(value.origin.path)
    edit = Edit(kind="set", path=path, variable=wrong.name, line=value.origin.line, value=right.text)
    return Fix(title=f"copy the value of {evidence.label(right.member)} to {path}", safe=False, edits=(edit,))


def _equal_ones(inspection: Inspection, index: int, found: Sequence[Effective]) -> Iterator[Finding]:
    known = [each for each in found if each.is_known and each.text]
    for position, each in enumerate(known):
        twin = next((other for other in known[:position] if other.text == each.text), None)
        if twin is not None:
            yield RULE.finding(
                f"`{evidence.label(each.member)}` and `{evidence.label(twin.member)}` must differ, but hold one "
                f"value ({evidence.shown(inspection, each.text)}). Whoever learns one knows both.",
                evidence.place(inspection, each),
                evidence.place(inspection, twin),
                inspection.at_key(f"distinct.{index}", note="declared to differ"),
                service=each.service,
                hint=f"give `{each.name or evidence.label(each.member)}` a value of its own",
            )
            return


RULE = Rule(id="DS101", name="shared-mismatch", severity=Severity.ERROR, page=__doc__ or "", check=check)
