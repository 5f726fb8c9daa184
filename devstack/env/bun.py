"""Whether Bun has a part in how a service starts, and what it then loads: `bun_steps` follows it."""

from __future__ import annotations

from pathlib import Path

from devstack.env import versions
from devstack.env.files import Files, normal
from devstack.patterns import regex
from devstack.records import dataclass
from devstack.stack.launch import Launch

_MAY_BE = regex(r"\b(?:bunx?|npm|npx|pnpm|yarn)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What Bun loads for one service.

    Attributes:
        loads: in order; the files that are named, or None for those of the mode.
        runs: Bun is told to run the program.
        runtime: the pin of the Bun that executes the program, also in Node's place; "" = it does not.
        unsure: the words of a Bun that loads something, perhaps for another program; "" = none.
    """

    loads: tuple[tuple[Path, ...] | None, ...] = ()
    runs: bool = False
    runtime: str = ""
    unsure: str = ""


NOTHING = Found()


def found(launch: Launch, folder: Path, files: Files, installed: versions.Installed) -> Found:
    """What Bun loads before the program that `launch` starts in `folder`, or in another package's folder."""
    command, script = launch.command, launch.script
    if script is not None and normal(script.path.parent) != folder and "--bun" not in command:
        command, folder = script.text, normal(script.path.parent)
    if not _MAY_BE.search(command):
        return NOTHING
    from devstack.env import bun_steps

    return bun_steps.followed(command, folder, files, installed)
