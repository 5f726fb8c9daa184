"""How failures look: one message on standard error, or one JSON object where `--json` was asked for."""

from __future__ import annotations

import json
import os
import sys
from itertools import pairwise
from typing import TextIO

import click

from devstack.errors import DevstackError, ExitCode, StackFileError


def known(problem: DevstackError, argv: list[str]) -> int:
    """Report an error of the tree."""
    if _wants_json(argv):
        return _emit(
            int(problem.exit_code), problem.kind, _full_text(problem), problem.hint, _problems(problem)
        )
    click.echo(f"{_mark('error')}: {_full_text(problem)}", err=True)
    if problem.hint:
        click.echo(f"{_mark('hint')}: {problem.hint}", err=True)
    return int(problem.exit_code)


def usage(problem: click.ClickException, argv: list[str]) -> int:
    """Report a wrong command line."""
    if _wants_json(argv):
        return _emit(int(ExitCode.USAGE), "usage", problem.format_message(), None)
    click.echo(f"{_mark('error')}: {problem.format_message()}", err=True)
    ctx = getattr(problem, "ctx", None)
    if ctx is not None:
        click.echo(f"{_mark('hint')}: {ctx.command_path} --help", err=True)
    return int(ExitCode.USAGE)


def system(problem: OSError, argv: list[str]) -> int:
    """Report what the operating system refused."""
    what = problem.strerror or str(problem)
    where = f": {problem.filename}" if problem.filename else ""
    if _wants_json(argv):
        return _emit(int(ExitCode.SYSTEM), "system", f"{what}{where}", None)
    click.echo(f"{_mark('error')}: {what}{where}", err=True)
    return int(ExitCode.SYSTEM)


def internal(problem: Exception, argv: list[str]) -> int:
    """Report a bug of devstack: one line, and a crash file without values."""
    from devstack.commands.crash import write_crash_file

    path = write_crash_file(problem, argv)
    message = f"devstack failed ({type(problem).__name__})" + (f"; details in {path}" if path else "")
    if _wants_json(argv):
        return _emit(int(ExitCode.INTERNAL), "internal", message, None)
    click.echo(f"{_mark('error')}: {message}", err=True)
    return int(ExitCode.INTERNAL)


def closed_output() -> int:
    """The reader of our output went away (`devstack logs | head`): stop quietly."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    return int(ExitCode.OK)


def flush(stream: TextIO) -> None:
    """Write what is buffered while errors can still be swallowed."""
    try:
        stream.flush()
    except BrokenPipeError:
        closed_output()


def _full_text(problem: DevstackError) -> str:
    if not isinstance(problem, StackFileError) or not problem.problems:
        return problem.message
    lines = "\n".join(f"  {entry}" for entry in problem.problems)
    return f"{problem.message}\n{lines}"


def _wants_json(argv: list[str]) -> bool:
    options = argv[: argv.index("--")] if "--" in argv else argv
    follows = dict(pairwise(options))
    return "--json" in options or "--format=json" in options or follows.get("--format") == "json"


def _problems(problem: DevstackError) -> list[dict[str, object]]:
    """Every mistake of a declaring file, for programs; empty for other errors."""
    found = problem.problems if isinstance(problem, StackFileError) else ()
    return [
        {
            "path": one.path,
            "line": one.line,
            "key": one.key,
            "message": one.message,
            "suggestion": one.suggestion,
        }
        for one in found
    ]


def _emit(
    code: int, kind: str, message: str, hint: str | None, problems: list[dict[str, object]] | None = None
) -> int:
    body: dict[str, object] = {"code": code, "kind": kind, "message": message}
    if hint:
        body["hint"] = hint
    if problems:
        body["problems"] = problems
    click.echo(json.dumps({"version": 1, "error": body}, ensure_ascii=False))
    return code


def _mark(word: str) -> str:
    return click.style(word, fg="red" if word == "error" else "cyan", bold=True)
