"""Many generated files through a real program and our loader: `python -m tests.env.loaders.fuzz --count 20000`.

Prints one line per program and, for each disagreement, the smallest case found that still disagrees.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from random import Random

from tests.env.loaders.grammar import Case
from tests.env.loaders.programs import (
    PROGRAMS,
    Driver,
    Program,
    difference,
    disagreement,
    ours,
    runs_commands,
)

_APART = (
    "dotenv-expand1000",
    "python-dotenv-1.1",
    "bun",
    "uv",
)  # what runs commands, or is not installed here
_USUAL = [name for name, program in PROGRAMS.items() if name not in _APART and not program.foreign]
_BATCH = 100
_PATIENCE_ENDLESS = 500  # milliseconds for what ours says never ends
_PATIENCE_AGAIN = 30_000  # milliseconds before a program counts as one that hangs
_SHOWN = 10
_PATIENCE = 20.0  # seconds for making one case smaller


def main() -> int:
    """Run; 1 when something differs."""
    parser = _parser()
    options = parser.parse_args()
    names = options.programs or _USUAL
    if not options.driver and any(PROGRAMS[name].foreign for name in names):
        parser.error("no driver here runs this program: give one with --driver")
    failed = 0
    for name in names:
        failed += _run(name, options)
    return min(failed, 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(PROGRAMS)}")
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--node", default="node", help="the Node that runs the programs")
    parser.add_argument("--pin", help="compare with this loader instead")
    parser.add_argument("--driver", metavar="PATH", help="an executable that speaks our drivers' protocol")
    return parser


def _run(name: str, options: argparse.Namespace) -> int:
    program = PROGRAMS[name]
    if options.pin:
        program = replace(program, pin=options.pin)
    elif program.asked in ("parseEnv", "vite8"):
        program = replace(program, pin=_pin_of_node(program, options.node))
    started, tally = time.monotonic(), _Tally()
    cases = _cases(Random(options.seed), program, options.count)
    extra = {key: os.environ[key] for key in ("PYTHONPATH", "EXTRA_MODULES") if key in os.environ}
    with Driver(python=program.python, node=options.node, given=options.driver, extra=extra) as driver:
        while batch := list(islice(cases, _BATCH)):
            _compare(driver, program, batch, tally)
        seconds = time.monotonic() - started
        print(
            f"{name} ({program.pin}), seed {options.seed}: {options.count} cases, {tally.differing} differ; "
            f"{tally.unknown} with unknown values, {tally.undecided} would run commands, "
            f"{tally.endless} never end; {seconds:.0f} s",
            flush=True,
        )
        for case in tally.found:
            print(f"  {case}\n    {_asked_again(driver, program, case)}", flush=True)
    return tally.differing


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What one run has met: `found` are the first disagreements, made small."""

    differing: int = 0
    undecided: int = 0
    unknown: int = 0
    endless: int = 0
    found: list[Case] = field(default_factory=list)


def _compare(driver: Driver, program: Program, batch: list[Case], tally: _Tally) -> None:
    """The driver works on the batch while ours does."""
    answers = []
    for case in batch:
        made = ours(program.pin, case)
        if runs_commands(made):
            tally.undecided += 1
            continue
        tally.unknown += any(value.unknown for value in made.variables.values())
        is_endless = any(issue.kind == "hang" for issue in made.issues)
        tally.endless += is_endless
        driver.send(program.asked, case, patience=_PATIENCE_ENDLESS if is_endless else 0)
        answers.append((case, made))
    for case, made, said in [(case, made, driver.answer()) for case, made in answers]:
        if difference(program, case, said, made) is None or _asked_again(driver, program, case) is None:
            continue
        tally.differing += 1
        if len(tally.found) < _SHOWN:
            smallest = _shrunk(driver, program, case)
            tally.found += [] if smallest in tally.found else [smallest]


def _asked_again(driver: Driver, program: Program, case: Case) -> str | None:
    """What differs, with time enough for a program that is only slow."""
    return disagreement(driver, program, case, patience=_PATIENCE_AGAIN)


def _pin_of_node(program: Program, node: str) -> str:
    import subprocess

    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    major = said.lstrip("v").split(".")[0]
    return f"vite@8+node@{major}" if program.asked == "vite8" else f"node@{major}"


def _cases(random: Random, program: Program, count: int) -> Iterator[Case]:
    made = 0
    while made < count:
        case = program.case(random)
        # That program runs commands: nothing that could become one reaches it.
        if "1000" in program.asked and any(
            "(" in text for text in (*case.files.values(), *case.process.values())
        ):
            continue
        made += 1
        yield case


def _shrunk(driver: Driver, program: Program, case: Case) -> Case:
    """Take away whatever the disagreement does not need."""
    is_smaller, until = True, time.monotonic() + _PATIENCE
    while is_smaller:
        is_smaller = False
        for smaller in _smaller(case):
            if time.monotonic() > until:
                return case
            if disagreement(driver, program, smaller) is not None:
                case, is_smaller = smaller, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    for name in case.process:
        yield replace(case, process={key: text for key, text in case.process.items() if key != name})
    for name in case.files:
        if len(case.files) > 1:
            yield replace(case, files={key: text for key, text in case.files.items() if key != name})
    for name, text in case.files.items():
        for size in (32, 8, 4, 2, 1):
            for start in range(0, len(text), size):
                yield replace(case, files={**case.files, name: text[:start] + text[start + size :]})


if __name__ == "__main__":
    sys.exit(main())
