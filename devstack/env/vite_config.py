"""What vite.config says about env files, where it says it with literals: `envDir`, `envPrefix`, `root`, `mode`.

A tolerant reader, not a JavaScript parser: it follows brackets, strings and comments, and takes properties of
objects that are handed over as the configuration. What it cannot read is reported as dynamic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from devstack.env.files import Files
from devstack.patterns import regex
from devstack.records import dataclass
from devstack.stack.launch import Pages

NAMES = tuple(f"vite.config.{suffix}" for suffix in ("js", "mjs", "ts", "cjs", "mts", "cts"))
_KEYS = ("envDir", "envPrefix", "root", "mode")

_TOKEN = regex(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<text>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)
    |(?P<open>[{(\[])|(?P<close>[})\]])|(?P<word>[A-Za-z_$][\w$.]*)|(?P<sign>=>|[^\s])""",
    re.VERBOSE | re.DOTALL,
)
# An object behind one of these is (part of) the configuration.
_BEFORE_CONFIG = ("defineConfig", "mergeConfig", "default", "return", "=>", "=", "module.exports", ",")


@dataclass(frozen=True, slots=True, kw_only=True)
class ViteConfig:
    """What the configuration says.

    Attributes:
        env_dir: absolute folder of the env files; None = `root`, False = no files at all.
        prefixes: public prefixes; None = the default, empty = nothing is public.
        mode: None = by command.
        dynamic: (key, 1-based line) of what is set but is no literal.
    """

    path: Path | None = None
    root: Path | None = None
    env_dir: Path | bool | None = None
    prefixes: tuple[str, ...] | None = None
    mode: str | None = None
    dynamic: tuple[tuple[str, int], ...] = ()

    def folder(self, service_folder: Path) -> Path | None:
        """Where env files are looked for; None = nowhere."""
        if self.env_dir is False:
            return None
        return self.env_dir if isinstance(self.env_dir, Path) else self.root or service_folder


NOTHING = ViteConfig()


def read(pages: Pages, files: Files) -> ViteConfig:
    """The configuration of the pages; an empty one where there is none. The command line's root wins."""
    for path in [pages.config] if pages.config else [pages.folder / name for name in NAMES]:
        try:
            content = files.read(path)
        except OSError:
            continue
        if content is not None:
            return _parsed(path, content.decode("utf-8", "replace"), pages)
    return ViteConfig(root=pages.root)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    kind: str
    text: str
    position: int


def _parsed(path: Path, text: str, pages: Pages) -> ViteConfig:
    if not any(key in text for key in _KEYS):
        return ViteConfig(path=path, root=pages.root)
    tokens = [
        _Token(kind=found.lastgroup or "", text=found.group(), position=found.start())
        for found in _TOKEN.finditer(text)
        if found.lastgroup != "comment"
    ]
    found: dict[str, object] = {}
    dynamic: list[tuple[str, int]] = []
    for index, key in _properties(tokens):
        value = _literal(tokens[index:], path.parent)
        if value is None:
            dynamic.append((key, text.count("\n", 0, tokens[index].position) + 1))
        else:
            found[key] = value
    return _config(path, found, tuple(dynamic), pages)


def _config(
    path: Path, found: dict[str, object], dynamic: tuple[tuple[str, int], ...], pages: Pages
) -> ViteConfig:
    root, env_dir, prefix, mode = (found.get(key) for key in ("root", "envDir", "envPrefix", "mode"))
    base = pages.root or (pages.cwd / root if isinstance(root, (str, Path)) else pages.cwd)
    return ViteConfig(
        path=path,
        root=None if root is None and pages.root is None else base,
        env_dir=False if env_dir is False else base / env_dir if isinstance(env_dir, (str, Path)) else None,
        prefixes=(prefix,) if isinstance(prefix, str) else prefix if isinstance(prefix, tuple) else None,
        mode=mode if isinstance(mode, str) else None,
        dynamic=dynamic,
    )


def _properties(tokens: list[_Token]) -> Iterator[tuple[int, str]]:
    """(index of the value's first token, key) of the wanted properties of configuration objects."""
    stack: list[bool] = []
    for index, token in enumerate(tokens):
        if token.kind == "open":
            stack.append(token.text == "{" and _hands_over(tokens, index))
        elif token.kind == "close" and stack:
            stack.pop()
        elif (
            stack and stack[-1] and token.text.strip("'\"") in _KEYS and tokens[index - 1].text in ("{", ",")
        ):
            follows = tokens[index + 1].text if index + 1 < len(tokens) else ""
            if follows == ":" and index + 2 < len(tokens):
                yield index + 2, token.text.strip("'\"")
            elif follows in (",", "}"):
                yield index, token.text  # shorthand: a variable


def _hands_over(tokens: list[_Token], index: int) -> bool:
    before = index - 1
    while before >= 0 and tokens[before].text == "(":
        before -= 1
    return before >= 0 and tokens[before].text in _BEFORE_CONFIG and not _is_parameter(tokens, index)


def _is_parameter(tokens: list[_Token], index: int) -> bool:
    """Whether the object at `index` takes parameters apart: `({ mode }) => …`."""
    depth = 0
    for place in range(index, len(tokens)):
        depth += (tokens[place].kind == "open") - (tokens[place].kind == "close")
        if depth < 0:  # the bracket around the object closes
            return place + 1 < len(tokens) and tokens[place + 1].text in ("=>", ":")
        if depth == 0 and tokens[place].text == ";":
            return False
    return False


def _literal(tokens: list[_Token], folder: Path) -> object:
    """A text, a tuple of texts, a path, or False; None for anything else."""
    first = tokens[0]
    texts = _texts_until_end(tokens)
    if first.text == "false":
        return False
    if first.kind == "text" and len(texts) == 1 and _ends(tokens, 1):
        return texts[0]
    if first.text == "[" and _is_list_of_texts(tokens):
        return tuple(texts)
    words = [token.text for token in _value_tokens(tokens) if token.kind == "word"]
    places = {"__dirname", "import.meta.dirname", "process.cwd", "import.meta.url"}
    calls = {
        "path.resolve",
        "path.join",
        "resolve",
        "join",
        "fileURLToPath",
        "new",
        "URL",
        "url.fileURLToPath",
    }
    if words and set(words) <= places | calls and places & set(words):
        return folder.joinpath(*texts)
    return None


def _is_list_of_texts(tokens: list[_Token]) -> bool:
    value = _value_tokens(tokens)
    return value[-1].text == "]" and all(
        token.text == "," or (token.kind == "text" and "${" not in token.text) for token in value[1:-1]
    )


def _value_tokens(tokens: list[_Token]) -> list[_Token]:
    depth, taken = 0, []
    for token in tokens:
        depth += (token.kind == "open") - (token.kind == "close")
        if depth < 0 or (depth == 0 and token.text == ","):
            break
        taken.append(token)
    return taken


def _ends(tokens: list[_Token], index: int) -> bool:
    return len(_value_tokens(tokens)) == index


def _texts_until_end(tokens: list[_Token]) -> list[str]:
    return [
        token.text[1:-1] for token in _value_tokens(tokens) if token.kind == "text" and "${" not in token.text
    ]
