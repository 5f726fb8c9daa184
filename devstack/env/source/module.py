"""One source file: read, narrowed to what may matter, parsed, searched."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from devstack.env.source import hints
from devstack.env.source.model import DotenvCall, SettingsClass, SourceRead, UrlLiteral
from devstack.records import dataclass

if TYPE_CHECKING:
    from devstack.env.source.syntax import Module

_GRAMMARS = {".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".py": "python", ".tsx": "tsx"}
_MARKUP = frozenset({".vue", ".svelte", ".astro"})
_SCRIPT_TAG = re.compile(rb"(<script\b[^>]*>)(.*?)(</script\s*>|\Z)", re.S | re.I)
_FRONTMATTER = re.compile(rb"\A\s*---\r?\n(.*?)^---", re.S | re.M)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What one module holds; `server_reads` are indexes of reads that a bundler strips from client code."""

    reads: tuple[SourceRead, ...] = ()
    server_reads: frozenset[int] = frozenset()
    dotenv_calls: tuple[DotenvCall, ...] = ()
    urls: tuple[UrlLiteral, ...] = ()
    settings: tuple[SettingsClass, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing was found."""
        return not (self.reads or self.dotenv_calls or self.urls or self.settings)


EMPTY = Scanned()


def read_source(path: Path) -> bytes | None:
    """The bytes of a source file; None when it cannot be read or is minified."""
    try:
        source = path.read_bytes()
    except OSError:
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
    if not has_reads and not hints.URL.search(source):
        return EMPTY
    from devstack.env.source import urls
    from devstack.env.source.syntax import Module, parser

    text = _scripts_only(source) if suffix in _MARKUP else source
    grammar = _GRAMMARS.get(suffix, "typescript" if suffix in _MARKUP else "javascript")
    module = Module(shown, text, parser(grammar).parse(text).root_node)
    if has_reads:
        _scan_reads(module, suffix)
    urls.scan(module)
    return Scanned(
        reads=tuple(module.reads),
        server_reads=frozenset(module.server_reads),
        dotenv_calls=tuple(module.dotenv_calls),
        urls=tuple(module.urls),
        settings=tuple(module.settings),
    )


def _scan_reads(module: Module, suffix: str) -> None:
    if suffix == ".py":
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
