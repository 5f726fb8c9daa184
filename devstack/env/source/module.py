"""One source file: read, narrowed to what may matter, parsed, searched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from devstack.env.file_names import is_example
from devstack.env.source import hints
from devstack.env.source.model import OWN_FORM, DotenvCall, SettingsClass, SourceRead, UrlLiteral
from devstack.patterns import regex
from devstack.records import dataclass

if TYPE_CHECKING:
    from devstack.env.model import FileReader
    from devstack.env.source.syntax import Module

_GRAMMARS = {".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".py": "python", ".tsx": "tsx"}
_MARKUP = frozenset({".vue", ".svelte", ".astro"})
_SCRIPT_TAG = regex(rb"(<script\b[^>]*>)(.*?)(</script\s*>|\Z)", re.S | re.I)
# A string that is the path of an env file and nothing else, outside comments.
_ENV_FILE = regex(
    rb"""^(?![ \t]*(?:\#|//|\*))[^\n]*?(['"`])((?:[^'"`\n]{0,200}/)?\.env(?:\.[A-Za-z0-9_-]+)*)\1""", re.M
)
_ENV_FILE_ENDS = regex(rb"""\.env(?<=["'`/]\.env)(?:\.[A-Za-z0-9_-]+)*["'`]""")
_REMARK = regex(rb"devstack[:-][ \t]*(?:ignore|disable)\b")
_FRONTMATTER = regex(rb"\A\s*---\r?\n(.*?)^---", re.S | re.M)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What one module holds.

    Attributes:
        server_reads: indexes of reads that a bundler strips from client code; `server_urls` likewise.
        remarks: lines as in `SourceIndex`; None where no text speaks to devstack.
    """

    reads: tuple[SourceRead, ...] = ()
    server_reads: frozenset[int] = frozenset()
    server_urls: frozenset[int] = frozenset()
    dotenv_calls: tuple[DotenvCall, ...] = ()
    urls: tuple[UrlLiteral, ...] = ()
    settings: tuple[SettingsClass, ...] = ()
    remarks: frozenset[int] | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing was found that the program does."""
        return not (self.reads or self.dotenv_calls or self.urls or self.settings)


EMPTY = Scanned()


def read_source(path: Path, files: FileReader) -> bytes | None:
    """The bytes of a source file; None when it cannot be read or is minified."""
    try:
        source = files.read(path)
    except OSError:
        return None
    if source is None:
        return None
    if len(source) > 20_000 and source.count(b"\n", 0, 20_000) < 20:
        return None
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return source.decode("utf-16").encode()
        except UnicodeDecodeError:
            return None
    return source


def scan_module(source: bytes, shown: str) -> Scanned:
    """Find reads, dotenv calls, settings classes and URL literals; `shown` is the path in findings."""
    suffix = PurePosixPath(shown).suffix
    has_reads = (hints.PYTHON if suffix == ".py" else hints.SCRIPT).found_in(source)
    has_remarks = _REMARK.search(source) is not None
    if not has_reads and not has_remarks and not hints.URL.search(source):
        return EMPTY
    from devstack.env.source import urls

    module = parsed(source, shown)
    if suffix == ".astro" and (frontmatter := _FRONTMATTER.match(source)):
        module.server_until = frontmatter.end()
    if has_reads:
        scan_reads(module)
        _scan_own_loading(module)
    urls.scan(module)
    return Scanned(
        reads=tuple(module.reads),
        server_reads=frozenset(module.server_reads),
        server_urls=frozenset(module.server_urls),
        dotenv_calls=tuple(module.dotenv_calls),
        urls=tuple(module.urls),
        settings=tuple(module.settings),
        remarks=frozenset(_remarks(module)) if has_remarks else None,
    )


def _remarks(module: Module) -> Iterator[int]:
    for found in _REMARK.finditer(module.source):
        node = module.at(found.start(), found.end())
        if node is not None and node.type == "comment":
            yield module.source.count(b"\n", 0, found.start()) + 1


def parsed(source: bytes, shown: str) -> Module:
    """The syntax tree of a source file, nothing searched yet."""
    from devstack.env.source.syntax import Module, parser

    suffix = PurePosixPath(shown).suffix
    text = _scripts_only(source) if suffix in _MARKUP else source
    grammar = _GRAMMARS.get(suffix, "typescript" if suffix in _MARKUP else "javascript")
    return Module(shown, text, parser(grammar).parse(text).root_node)


def scan_reads(module: Module) -> None:
    """Find what the module reads from the environment."""
    if module.path.endswith(".py"):
        from devstack.env.source.python import scan
    else:
        from devstack.env.source.javascript import scan

    scan(module)


def _scripts_only(source: bytes) -> bytes:
    """Markup with everything outside scripts blanked, so that positions stay right."""
    kept = bytearray(re.sub(rb"[^\r\n]", b" ", source))
    for pattern, group in ((_SCRIPT_TAG, 2), (_FRONTMATTER, 1)):
        for found in pattern.finditer(source):
            kept[found.start(group) : found.end(group)] = found.group(group)
    return bytes(kept)


def _scan_own_loading(module: Module) -> None:
    """Env files that the module names beside the calls that are understood: it reads them in a way of its own."""
    text = module.source
    if not _ENV_FILE_ENDS.search(text):
        return
    known = [call.file for call in module.dotenv_calls if call.file is not None]
    known += [name for settings in module.settings for name in settings.env_files]
    usual = (".env", "./.env") if module.dotenv_calls else ()
    for found in _ENV_FILE.finditer(text):
        name = found.group(2).decode("utf-8", "replace")
        if (
            name in usual
            or is_example(name)
            or any(name.endswith(one) or one.endswith(name) for one in known)
        ):
            continue
        line = text.count(b"\n", 0, found.start(2)) + 1
        module.dotenv_calls.append(DotenvCall(path=module.path, line=line, form=OWN_FORM, dynamic=True))
        return
