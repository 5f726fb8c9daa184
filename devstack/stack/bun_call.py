"""What a command line gives to Bun: `bun --env-file=.env run --bun dev` taken apart.

Measured with Bun 1.2.23, 1.3.14 and 1.4.5; its own help lists the flags.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from devstack.patterns import regex
from devstack.records import dataclass

PROGRAMS = ("bun", "bunx")
# Flags with a value that may be a word of its own.
_TAKES_A_WORD = frozenset(
    {
        *(
            "--env-file",
            "--cwd",
            "--filter",
            "-F",
            "--port",
            "--preload",
            "-r",
            "--require",
            "--import",
            "--define",
        ),
        *(
            "-d",
            "--drop",
            "--feature",
            "--loader",
            "-l",
            "--conditions",
            "--main-fields",
            "--extension-order",
        ),
        *("--tsconfig-override", "--shell", "--elide-lines", "--install", "--jsx-factory", "--jsx-fragment"),
        *("--jsx-import-source", "--jsx-runtime", "--eval", "-e", "--print", "-p", "--title", "--user-agent"),
        *(
            "--console-depth",
            "--dns-result-order",
            "--max-http-header-size",
            "--unhandled-rejections",
            "--package",
        ),
        *("--fetch-preconnect", "--watch-kill-signal", "--redirect-warnings", "--disable-warning"),
    }
)
_EVALUATES = {"-e", "--eval", "-p", "--print"}
_ELSEWHERE = {"--cwd", "--filter", "-F", "--workspaces", "--parallel", "--sequential", "-c", "--config"}
# Of Bun itself; a package.json script of such a name needs `run`.
_OWN = frozenset(
    {
        *(
            "install",
            "i",
            "ci",
            "add",
            "a",
            "remove",
            "rm",
            "update",
            "upgrade",
            "build",
            "init",
            "create",
            "c",
        ),
        *("link", "unlink", "pm", "patch", "patch-commit", "publish", "outdated", "audit", "why", "info"),
        *("completions", "exec", "repl", "test"),
    }
)
_ENDINGS = (".tsx", ".ts", ".jsx", ".js", ".mts", ".mjs", ".cts", ".cjs")
_MODULE = regex(r".*\.[cm]?[jt]sx?|\.|.*/.*")


class Target(StrEnum):
    """What Bun is told to start."""

    MODULE = "module"  # Bun runs it
    SCRIPT = "script"  # of package.json
    PROGRAM = "program"  # of node_modules/.bin, with the interpreter that it names
    OWN = "own"  # a command of Bun's own
    ELSEWHERE = "elsewhere"  # in another folder or with another configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One command line of Bun.

    Attributes:
        env_files: `--env-file`, in the order of the words.
        takes_nodes_place: `--bun`: what asks for Node gets Bun.
        silent: `--no-env-file`.
        is_x: `bunx`, `bun x`.
        words: the target and its arguments.
    """

    target: Target
    is_x: bool = False
    env_files: tuple[str, ...] = ()
    takes_nodes_place: bool = False
    silent: bool = False
    words: tuple[str, ...] = ()


def read(words: tuple[str, ...], scripts: Mapping[str, str], is_file: Callable[[str], bool]) -> Call:
    """Take a command line apart; `words` begin with `bun` or `bunx`.

    Args:
        is_file: whether there is a file with this path, relative to the folder where it runs.
    """
    flags: list[tuple[str, str]] = []
    rest, command = list(words[1:]), "x" if words[0].endswith("bunx") else ""
    while rest and (rest[0].startswith("-") or (not command and rest[0] in ("run", "x"))):
        word = rest.pop(0)
        name, equals, text = word.partition("=")
        if not word.startswith("-"):
            command = word
        else:
            takes = name in _TAKES_A_WORD and not equals and bool(rest) and (command != "x" or name != "-p")
            flags.append((name, rest.pop(0) if takes else text))
    names = {name for name, _ in flags}
    return Call(
        target=_target(command, rest[0] if rest else "", names, scripts=scripts, is_file=is_file),
        is_x=command == "x",
        env_files=tuple(
            file for name, text in flags if name == "--env-file" for file in text.strip().split(",") if file
        ),
        takes_nodes_place=bool(names & {"--bun", "-b"}),
        silent="--no-env-file" in names,
        words=tuple(rest),
    )


def _target(
    command: str, name: str, flags: set[str], *, scripts: Mapping[str, str], is_file: Callable[[str], bool]
) -> Target:
    if flags & _ELSEWHERE:
        return Target.ELSEWHERE
    if flags & _EVALUATES and command != "x":
        return Target.MODULE
    if command == "x":
        return Target.PROGRAM
    if not name or (not command and name in _OWN):
        return Target.OWN
    is_module = _MODULE.fullmatch(name) is not None
    if name in scripts and (command == "run" or not is_module):
        return Target.SCRIPT
    candidates = (name, *(f"{name}{ending}" for ending in _ENDINGS))
    return Target.MODULE if is_module or any(map(is_file, candidates)) else Target.PROGRAM
