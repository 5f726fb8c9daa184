"""Programs that one script starts side by side: `concurrently "next dev" "python api/main.py"`, `run-p dev:*`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatchcase

from devstack.records import dataclass
from devstack.stack import package, scripts, shell_words

BY_COMMAND = ("concurrently", "conc")
BY_NAME = ("run-p", "run-pty", "npm-run-all", "npm-run-all2")
_VALUED = re.compile(
    r"-[nclmt]|--(?:names|prefix-?colors|prefix|prefix-?length|max-?processes|max-parallel|restart-?tries|success|hide)"
)
_VALUED_BY_NAME = re.compile(r"--(?:max-parallel|npm-path)")
_SHORTHAND = re.compile(r"(npm|pnpm|yarn|bun|node):(.+)")
_STAGE = re.compile(r"^(?:dev|start|watch|serve)[:-]|[:-](?:dev|start|watch|serve)$")
_DEEPEST = 4
MAIN_SCRIPTS = ("dev", "start:dev", "develop", "dev:server", "start")
"""What starts a package for development, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the programs. `script`: the package's script that names it; `name`: "" where nothing calls it by one."""

    name: str
    command: str
    script: str


def parts(own: package.Package, which: str) -> Iterator[Part]:
    """What the script for development starts side by side; nothing where it starts one program."""
    script = next((name for name in MAIN_SCRIPTS if name in own.scripts), "")
    for _ in range(_DEEPEST):
        read = _words(own.scripts.get(script, ""))
        words = scripts.tool(read)
        inner = scripts.behind(read, own)
        if words[:1] and words[0] in (*BY_COMMAND, *BY_NAME):
            yield from started(own, script, words, which)
        elif inner is not None:
            script = inner.name
            continue
        return


def started(own: package.Package | None, script: str, words: tuple[str, ...], which: str) -> Iterator[Part]:
    """What `concurrently …` or `run-p …` of a package starts; `script`: the one that holds it."""
    if words[0] in BY_COMMAND:
        yield from _commands(own, script, words[1:], which)
    elif own is not None:
        for pattern in _positional(words[1:], _VALUED_BY_NAME)[0]:
            yield from _scripts(own, pattern, which)


def _words(text: str) -> tuple[str, ...]:
    """The words as the runner gets them: `dev:*` is a pattern of its own, not of the shell."""
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return ()


def _commands(own: package.Package | None, script: str, words: tuple[str, ...], which: str) -> Iterator[Part]:
    given, called = _positional(words)
    names = called.split(",")
    for number, command in enumerate(given):
        shorthand = _SHORTHAND.fullmatch(command)
        if shorthand is not None and own is not None:
            yield from _scripts(own, shorthand[2], which)
            continue
        inner = scripts.behind(shell_words.read(command).words or (), own)
        name = names[number].strip() if number < len(names) else ""
        name = name or ("" if inner is None else _STAGE.sub("", inner.name))
        yield Part(name=name, command=command, script=script if inner is None else inner.name)


def _scripts(own: package.Package, pattern: str, which: str) -> Iterator[Part]:
    for name in own.scripts:
        if fnmatchcase(name, pattern):
            yield Part(name=_STAGE.sub("", name), command=f"{which} run {name}", script=name)


def _positional(words: tuple[str, ...], valued: re.Pattern[str] = _VALUED) -> tuple[list[str], str]:
    """The arguments that are no options, and the names that `--names` gives them."""
    found: list[str] = []
    names = ""
    rest = iter(words)
    for word in rest:
        flag, equals, value = word.partition("=")
        if word.startswith("-") and valued.fullmatch(flag):
            value = value if equals else next(rest, "")
            names = value if flag in ("-n", "--names") else names
        elif not word.startswith("-"):
            found.append(word)
    return found, names
