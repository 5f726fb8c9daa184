"""How contract rules show what they found: places, masked values, what a code does without a value."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from devstack.contract.members import Effective, Provenance
from devstack.env.model import LayerKind
from devstack.env.secrets import is_masked, is_secret_name, is_secret_text, mask_url
from devstack.env.source.model import Fallback, SourceRead
from devstack.invisible import visible
from devstack.rules.base import Location
from devstack.stack.model import Member, Reference, Shared

if TYPE_CHECKING:
    from devstack.env.model import Value
    from devstack.rules.inspection import Inspection


_LONGEST = 80  # characters of a value


def label(member: Member) -> str:
    """A member as stack.toml spells it."""
    return member.text or (f"{member.service}:{member.name}" if isinstance(member, Reference) else "")


def is_secret(shared: Shared) -> bool:
    """Whether the group's values must not be shown: declared so, secret by a name, or the password of a URL."""
    return shared.secret or any(
        member.part == "password" or any(map(is_secret_name, member.names))
        for member in shared.members
        if isinstance(member, Reference)
    )


def shown(inspection: Inspection, text: str | None, *, secret: bool = True, name: str = "") -> str:
    """A value as findings show it: fingerprint and length, or the URL with its secrets masked."""
    if text is None:
        return "nothing"
    if not text:
        return "an empty text"
    if secret or is_masked(name, text) or is_secret_text(text):
        masked = mask_url(text)
        if "://" in text and masked != text:
            return f"`{masked}` ({inspection.fingerprinter.describe(text)})"
        return inspection.fingerprinter.describe(text)
    flat = visible(mask_url(text))
    return f"`{flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + '…'}`"


def place(inspection: Inspection, found: Effective, note: str | None = None) -> Location:
    """Where the effective value stands."""
    if found.provenance is Provenance.FALLBACK and found.path is not None:
        return inspection.at(found.path, found.line, variable=found.name, note=note)
    if found.value is not None:
        return inspection.at_origin(found.value.origin, found.name, note=note)
    if found.path is not None:
        return inspection.at(found.path, found.line, note=note)
    if found.service is not None:
        return where_to_set(inspection, found.service, found.name or "", note=note)
    return Location(path=inspection.shown(inspection.need_stack().path), note=note)


def where_to_set(inspection: Inspection, service: str, name: str, note: str | None = None) -> Location:
    """The file in which `name` belongs: `.env.local` or `.env` among those that exist, else among those read."""
    environment = inspection.environment(service)
    layers = () if environment is None else environment.layers
    existing = [each for each in layers if each.exists] or list(layers)
    usual = (".env.local", ".env") if len(layers) > 1 else (".env",)
    layer = next(
        (each for name in usual for each in existing if each.path.name == name), next(iter(existing), None)
    )
    if layer is None:
        return inspection.at_key(f"services.{service}", variable=name, note=note)
    return inspection.at(layer.path, variable=name, note=note)


def read_place(inspection: Inspection, read: SourceRead, note: str | None = None) -> Location:
    """Where source reads a variable."""
    return inspection.at(Path(read.path), read.line, variable=read.name, note=note)


def written(inspection: Inspection, name: str, value: Value) -> str | None:
    """What stands after the separator on the line that defines the value, comments and quotes included."""
    origin = value.origin
    if origin.layer is LayerKind.FILE and origin.path is not None:
        file = inspection.env_file(origin.path)
        line = None if file is None else file.written(origin.line, name)
        return value.raw if line is None else line
    return value.raw


def is_from_process(found: Effective) -> bool:
    """Whether the environment devstack was started with decided the value, not a file."""
    return found.value is not None and found.value.origin.layer is LayerKind.PROCESS


def without_value(inspection: Inspection, found: Effective) -> str:
    """What the code does when the variable gives it nothing: a sentence."""
    if found.fallback is not None:
        literal = shown(
            inspection, found.text, secret=is_secret_name(found.name or ""), name=found.name or ""
        )
        return f"The code falls back to {literal} ({found.fallback.path}:{found.fallback.line})."
    is_empty = found.value is not None and found.value.text == ""
    reads = [
        read
        for read in (inspection.sources(found.service).reads if found.service else ())
        if isinstance(found.member, Reference) and read.name in found.member.names
    ]
    for read in reads:
        if is_empty and read.fallback is not None and read.operator is not Fallback.EMPTY_OR_UNSET:
            return (
                f"The code at {read.path}:{read.line} works with the empty text: "
                f"{_operator(read)} replaces only an unset value."
            )
    if reads:
        return (
            f"The code at {reads[0].path}:{reads[0].line} gets {'an empty text' if is_empty else 'nothing'}."
        )
    return "The program gets an empty text." if is_empty else "The program finds no value."


def _operator(read: SourceRead) -> str:
    return "`??`" if read.operator is Fallback.UNSET else "a default"
