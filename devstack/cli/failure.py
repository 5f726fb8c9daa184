"""How failures look: one message on standard error, or one JSON object where `--json` was asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from devstack.errors import DevstackError, ExitCode, StackFileError

if TYPE_CHECKING:
    import click

# What helps where the operating system refuses something, by the name of its error.
_ADVICE = {
    "ENOSPC": "make room on that disk",
    "EDQUOT": "make room: your quota of that disk is used up",
    "EROFS": "that file system takes no changes: work in a folder that does",
    "EACCES": "check the permissions of the file and of the folders above it",
    "EMFILE": "raise the limit of open files: `ulimit -n 4096`",
    "ENFILE": "the whole system has too many files open: end what is not needed",
}


def reported(work: Callable[[list[str]], int], argv: list[str]) -> int:
    """Do it; every failure becomes one clear message and an exit code of the table."""
    code: int | None = None
    try:
        code = _done(work, argv)
        sys.stdout.flush()  # while it can still be told that this fails
    except OSError as problem:
        closed = closed_output()
        if isinstance(problem, BrokenPipeError):
            return closed if code is None else code
        if code != int(ExitCode.SYSTEM):  # else it has been told
            return system(problem, [])  # in words, whatever was asked for: only standard error is left
    return code


def _done(work: Callable[[list[str]], int], argv: list[str]) -> int:
    try:
        return work(argv)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return int(ExitCode.INTERRUPTED)
    except DevstackError as problem:
        return known(problem, argv)
    except BrokenPipeError:
        return closed_output()
    except OSError as problem:
        return system(problem, argv)
    except Exception as problem:
        if "can't start new thread" in str(problem):  # the only way in which Python tells it
            import errno

            reason = "the system has no room for another thread (limit of processes, or memory)"
            return system(OSError(errno.EAGAIN, reason), argv)
        return internal(problem, argv)


def known(problem: DevstackError, argv: list[str]) -> int:
    """Report an error of the tree."""
    text = _full_text(problem)
    if _wants_json(argv):
        return _emit(int(problem.exit_code), problem.kind, text, problem.hint, problems=_problems(problem))
    _say("error", text)
    if problem.hint:
        _say("hint", problem.hint)
    return int(problem.exit_code)


def usage(problem: click.ClickException, argv: list[str]) -> int:
    """Report a wrong command line. A group called without a command is no mistake: its help is the answer."""
    if (
        type(problem).__name__ == "NoArgsIsHelpError"
    ):  # whoever calls this has click; this module does without
        print(problem.format_message())
        return int(ExitCode.OK)
    ctx = getattr(problem, "ctx", None)
    hint = None if ctx is None else f"{ctx.command_path} --help"
    message = " ".join(problem.format_message().split())  # click lists choices on lines of their own
    if _wants_json(argv):
        return _emit(int(ExitCode.USAGE), "usage", message, hint)
    _say("error", message)
    if hint:
        _say("hint", hint)
    return int(ExitCode.USAGE)


def system(problem: OSError, argv: list[str]) -> int:
    """Report what the operating system refused."""
    import errno

    what, hint = problem.strerror or str(problem), _ADVICE.get(errno.errorcode.get(problem.errno or 0, ""))
    if problem.filename:
        what = f"{what}: {problem.filename}"
    elif problem.errno == errno.ENOENT and not _has_folder():
        what, hint = "the current folder does not exist any more", "go to a folder that exists: `cd`"
    if _wants_json(argv):
        return _emit(int(ExitCode.SYSTEM), "system", what, hint)
    _say("error", what)
    if hint:
        _say("hint", hint)
    return int(ExitCode.SYSTEM)


def _has_folder() -> bool:
    try:
        return bool(os.getcwd())  # noqa: PTH109 - pathlib is not loaded for this
    except FileNotFoundError:
        return False


def internal(problem: Exception, argv: list[str]) -> int:
    """Report a bug of devstack: one line, and a crash file without values."""
    from devstack.commands.crash import report

    message = report(problem, argv)
    if _wants_json(argv):
        return _emit(int(ExitCode.INTERNAL), "internal", message, None)
    _say("error", message)
    return int(ExitCode.INTERNAL)


def closed_output() -> int:
    """Nothing can be written any more (`devstack logs | head`): what is left of it goes nowhere, quietly."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    return int(ExitCode.OK)


def _full_text(problem: DevstackError) -> str:
    if not isinstance(problem, StackFileError) or not problem.problems:
        return problem.message
    from devstack.env.redact import without_credentials

    lines = "\n".join(f"  {entry}" for entry in problem.problems)
    return without_credentials(f"{problem.message}\n{lines}")


def _wants_json(argv: list[str]) -> bool:
    options = argv[: argv.index("--")] if "--" in argv else argv
    follows = dict(pairwise(options))
    return "--json" in options or "--format=json" in options or follows.get("--format") == "json"


def _problems(problem: DevstackError) -> list[dict[str, object]]:
    """Every mistake of a declaring file, for programs; empty for other errors."""
    found = problem.problems if isinstance(problem, StackFileError) else ()
    if not found:
        return []
    from devstack.env.redact import without_credentials

    return [
        {
            "path": one.path,
            "line": one.line,
            "key": one.key,
            "message": without_credentials(one.message),
            "suggestion": one.suggestion,
        }
        for one in found
    ]


def _emit(
    code: int,
    kind: str,
    message: str,
    hint: str | None,
    *,
    problems: list[dict[str, object]] | None = None,
) -> int:
    body: dict[str, object] = {"code": code, "kind": kind, "message": message, "hint": hint or None}
    if problems:
        body["problems"] = problems
    import json

    import click

    click.echo(json.dumps({"version": 1, "error": body}, ensure_ascii=False))
    return code


def _say(word: str, text: str) -> None:
    """One message on standard error; it quotes what others wrote, so nothing in it may steer the terminal."""
    import click

    from devstack.invisible import visible

    mark = click.style(word, fg="red" if word == "error" else "cyan", bold=True)
    shown = "\n".join(visible(line) for line in text.split("\n"))
    click.echo(f"{mark}: {shown}", err=True)
