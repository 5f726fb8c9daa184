"""A member's value put where it stands: a variable, a part of a URL, a key of a YAML, JSON or TOML file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote

from devstack.contract import urls
from devstack.contract.draft import Draft
from devstack.contract.members import Effective
from devstack.errors import RefusedError
from devstack.patterns import regex
from devstack.stack.model import FileKey, Reference, UrlPart

_YAML = (".yaml", ".yml")
_LINES = regex(r"[^\r\n]*+(?:\r\n?|\n)|[^\r\n]++")
_URL = regex(
    r"([A-Za-z][A-Za-z0-9+.\-]*://)(?:([^/?#]*)@)?(\[[^\]/?#]*\]|[^:/?#]*)(?::([^/?#]*))?([^?#]*)(.*)", re.S
)
# `key: |`, `- key: >-`: the scalar is what follows with more indentation than the key.
_BLOCK = regex(
    r"((?P<before>[ \t]*(?:-[ \t]+)*)[^\s#:][^#:]*:[ \t]+)[|>][+\-1-9]{0,2}(?P<after>[ \t]*(?:[ \t]#.*)?\r?\n)"
)
_WORD = regex(r"(?!(?:true|false|null|yes|no|on|off|y|n)\Z)[A-Za-z_][A-Za-z0-9_-]*\Z", re.I)


def write(draft: Draft, found: Effective, place: Path, value: str) -> None:
    """Give the member this value in the draft, in the file `place`.

    Raises:
        RefusedError: it cannot be written there so that every reader gets it.
    """
    member, line = found.member, found.line if place == found.path else None
    if isinstance(member, FileKey):
        content = (draft.content(place) or b"").decode("utf-8", "surrogateescape")
        written = _with_scalar(content, found, value)
        if written is None:
            raise RefusedError(
                f"{member.path} is written in a way that is not understood; change it by hand."
            )
        draft.put(place, written.encode("utf-8", "surrogateescape"))
    elif isinstance(member, Reference) and member.part is not None:
        whole = found.value.text if found.value is not None else None
        draft.set(place, found.name or "", with_part(whole or "", member.part, value) or "", line=line)
    else:
        draft.set(place, found.name or "", value, line=line)


def name_of(found: Effective) -> str:
    """What is written: the variable, or the key in a document."""
    return ".".join(found.member.key) if isinstance(found.member, FileKey) else found.name or ""


def is_writable_part(found: Effective) -> bool:
    """Whether the variable holds a URL of its own, so that a part of it can be changed alone."""
    value = found.value
    return value is not None and not value.references and urls.has_scheme(value.text or "")


def with_part(url: str, part: UrlPart, value: str) -> str | None:
    """The URL with one part replaced, the others to the letter; None where it is no URL."""
    found = _URL.match(url)
    if found is None:
        return None
    scheme, given, host, port, path, rest = found.groups()
    user, colon, password = (given or "").partition(":")
    if part == "user":
        user = quote(value, safe="")
    elif part == "password":
        colon, password = ":", quote(value, safe="")
    elif part == "host":
        host = urls.bracketed(value)
    elif part == "port":
        port = value
    else:
        path = "/" + value.lstrip("/")
    userinfo = f"{user}{colon}{password}"
    return f"{scheme}{f'{userinfo}@' if userinfo else ''}{host}{f':{port}' if port else ''}{path}{rest}"


def _with_scalar(content: str, found: Effective, value: str) -> str | None:
    """The file with the scalar replaced on its line, if it can be told which characters are the scalar."""
    if found.line is None or found.text is None or not isinstance(found.member, FileKey):
        return None
    lines: list[str] = _LINES.findall(content)
    line = lines[found.line - 1]
    if Path(found.member.path).suffix.lower() in _YAML and (block := _BLOCK.fullmatch(line)):
        end = _block_end(lines, found.line, len(block["before"]))
        lines[found.line - 1 : end] = [f"{block[1]}{json.dumps(value, ensure_ascii=False)}{block['after']}"]
        return "".join(lines)
    start = line.find(found.member.key[-1])
    start += len(found.member.key[-1]) if start >= 0 else 1
    old = re.escape(found.text)
    scalars = [*re.finditer(rf"(?<=[\s:=\[,])(?:\"{old}\"|'{old}'|{old})(?=[\s,\]}}]|\Z)", line[start:])]
    if len(scalars) != 1 or not found.text:
        return None
    is_bare = scalars[0].group()[:1] not in ("'", '"')
    written = value if is_bare and _WORD.match(value) else json.dumps(value, ensure_ascii=False)
    lines[found.line - 1] = line[: start + scalars[0].start()] + written + line[start + scalars[0].end() :]
    return "".join(lines)


def _block_end(lines: list[str], start: int, column: int) -> int:
    """How far the scalar reaches whose key stands at `column` before `lines[start]`; blank lines behind it stay."""
    end = start
    for at, line in enumerate(lines[start:], start + 1):
        if not line.strip():
            continue
        if len(line) - len(line.lstrip(" ")) <= column:
            break
        end = at
    return end
