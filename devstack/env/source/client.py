"""Which modules a bundler ships to the browser."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from posixpath import normpath

from devstack import foreign, regular
from devstack.patterns import regex

# A commented-out import would make a server module look like a client one: only line starts count.
_IMPORT = regex(
    rb"""^[ \t]*(?:import|export)\b(?!\s*type\b)[^'"`;()]{0,4000}?\bfrom\s*['"]([^'"\n]+)['"]
    | ^[ \t]*import\s*['"]([^'"\n]+)['"]""",
    re.M | re.X,
)
_CALLED = regex(rb"""^[^\n/]*?\b(?:import|require)\s*\(\s*['"]([^'"\n]+)['"]\s*\)""", re.M)
_IMPORT_CALL = regex(rb"import\s*\(")
_DIRECTIVE = regex(
    rb"""\A(?:\xef\xbb\xbf)?(?:\s|//[^\n]*(?:\n|\Z)|/\*.*?\*/)*['"]use (client|server)['"]""", re.S
)
_SERVER_ONLY = regex(rb"""^[ \t]*import\s*['"]server-only['"]""", re.M)
_COMMENT = regex(rb"/\*.*?\*/", re.S)
_SUFFIXES = (
    "",
    ".ts",
    ".tsx",
    ".js",
    ".jsx",
    ".mjs",
    ".cjs",
    ".mts",
    ".vue",
    ".svelte",
    "/index.ts",
    "/index.tsx",
    "/index.js",
    "/index.jsx",
)
_SERVER_FOLDERS = frozenset(
    {"server", "api", "backend", "functions", "netlify", "electron", "worker", "workers", "scripts", "cli"}
)
_SERVER_FILE = regex(
    r"(?:\.server|\.config|\.setup)\.[cm]?[jt]sx?$|(?:^|/)\+?(?:server|entry-server)\.[cm]?[jt]sx?$"
)
# What only a program of Node imports.
_NODE_MODULE = regex(
    rb"""(?:\bfrom|\brequire\s*\()\s*['"](?:node:[a-z_/]+|https?|http2|fs|fs/promises|net|child_process|express|fastify)['"]"""
)
_MODULE_TAG = regex(rb"""<script\b[^>]*\bsrc\s*=\s*["']([^"'?#]+)""", re.I)


class ModuleGraph:
    """Imports between the modules of one folder, followed only as far as asked.

    Attributes:
        folder: absolute, the bundler's root.
        texts: source by POSIX path relative to the folder.
    """

    def __init__(self, folder: Path, texts: Mapping[str, bytes]) -> None:
        self.folder = folder
        self.texts = texts

    @cached_property
    def aliases(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """`paths` of tsconfig.json or jsconfig.json: (pattern, targets)."""
        for name in ("tsconfig.json", "tsconfig.app.json", "jsconfig.json"):
            options = _json_with_comments(self.folder / name).get("compilerOptions")
            paths = options.get("paths") if isinstance(options, dict) else None
            if isinstance(options, dict) and isinstance(paths, dict):
                base = str(options.get("baseUrl", "."))
                return tuple(
                    (str(pattern), tuple(normpath(f"{base}/{target}") for target in targets))
                    for pattern, targets in paths.items()
                    if isinstance(targets, list)
                )
        return (("@/*", ("src/*", "*")), ("~/*", ("src/*", "app/*", "*")))

    def reachable(self, entries: Iterable[str], *, stops_at_server: bool) -> set[str]:
        """Everything the entries import, the entries included."""
        pending, found = list(entries), set()
        while pending:
            module = pending.pop()
            text = self.texts.get(module)
            if module in found or text is None:
                continue
            if stops_at_server and is_server_only(text):
                continue
            found.add(module)
            pending += self.imports(module, text)
        return found

    def imports(self, module: str, text: bytes) -> list[str]:
        """The modules of this folder that `module` imports."""
        if b"/*" in text:
            text = _COMMENT.sub(lambda comment: b"\n" * comment.group().count(b"\n"), text)
        wanted = [found.group(1) or found.group(2) for found in _IMPORT.finditer(text)]
        if b"require" in text or _IMPORT_CALL.search(text):
            wanted += _CALLED.findall(text)
        resolved = (self.resolve(module, name.decode("utf-8", "replace")) for name in wanted)
        return [name for name in resolved if name is not None]

    def resolve(self, module: str, name: str) -> str | None:
        """The module of this folder that `name` means in `module`."""
        if name.startswith("."):
            return self._existing(normpath(f"{module.rpartition('/')[0] or '.'}/{name}"))
        if name.startswith("/"):
            return self._existing(normpath(name.lstrip("/")))
        for pattern, targets in self.aliases:
            prefix, star, suffix = pattern.partition("*")
            if not name.startswith(prefix) or not name.endswith(suffix) or (not star and name != pattern):
                continue
            middle = name[len(prefix) : len(name) - len(suffix)] if star else ""
            for target in targets:
                found = self._existing(normpath(target.replace("*", middle)))
                if found is not None:
                    return found
        return None

    def _existing(self, stem: str) -> str | None:
        stems = [stem]
        if stem.endswith((".js", ".jsx", ".mjs")):  # TypeScript sources are imported by their output's name
            stems.append(stem.rpartition(".")[0])
        return next((s + suffix for s in stems for suffix in _SUFFIXES if s + suffix in self.texts), None)


def next_client_modules(graph: ModuleGraph) -> set[str]:
    """Modules with `'use client'`, pages, and what they import, down to modules that are server-only."""
    entries = [name for name, text in graph.texts.items() if directive(text) == "client" or _is_page(name)]
    return graph.reachable(entries, stops_at_server=True)


def vite_client_modules(graph: ModuleGraph, page: bytes | None) -> set[str]:
    """What index.html reaches; beyond that everything but configuration, servers, and what only they import."""
    entries = [
        found.group(1).decode("utf-8", "replace").lstrip("./") for found in _MODULE_TAG.finditer(page or b"")
    ]
    reached = graph.reachable(entries, stops_at_server=False)
    servers = [
        name for name, text in graph.texts.items() if _is_server_path(name) or _NODE_MODULE.search(text)
    ]
    return reached | (graph.texts.keys() - graph.reachable(servers, stops_at_server=False))


def directive(text: bytes) -> str | None:
    """`client` or `server` when the module begins with `'use client'` or `'use server'`."""
    found = _DIRECTIVE.match(text) if b"use " in text[:4096] else None
    return found.group(1).decode() if found else None


def is_server_only(text: bytes) -> bool:
    """Whether Next refuses or replaces the module in client code."""
    return directive(text) == "server" or (b"server-only" in text and _SERVER_ONLY.search(text) is not None)


def _is_page(name: str) -> bool:
    inner = name.removeprefix("src/")
    if inner.rpartition(".")[0] == "instrumentation-client":
        return True
    return inner.startswith("pages/") and not inner.startswith(("pages/api/", "pages/_document"))


def _is_server_path(name: str) -> bool:
    *folders, last = name.split("/")
    # SvelteKit keeps `$lib/server` from the browser, wherever it is imported.
    is_kept = "lib/server" in "/".join(folders)
    return is_kept or bool(_SERVER_FOLDERS.intersection(folders[:2])) or bool(_SERVER_FILE.search(last))


def _json_with_comments(path: Path) -> Mapping[str, object]:
    try:
        text = regular.read(path).decode("utf-8-sig", "replace")
    except OSError:
        return {}
    content = foreign.from_commented_json(text)
    return content if isinstance(content, dict) else {}
