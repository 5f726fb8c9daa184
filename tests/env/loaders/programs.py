"""The real programs, asked through one long-lived process each, and how their answer is compared with ours."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType

from devstack.env.loaders.table import loader
from devstack.env.model import Loaded, LoadRequest
from tests.env.loaders import grammar
from tests.env.loaders.grammar import Case

NODE_DRIVER = Path(__file__).resolve().parents[2] / "node" / "drivers" / "env_loaders.cjs"
PYTHON_DRIVER = Path(__file__).with_name("python_driver.py")
FOLDER = Path("/srv/app")
# They answer with what is in the files, without what else is exported.
_ALONE = ("parseEnv", "dotenv_values", "honcho", "compose")
# Left behind in the environment by the programs themselves.
TRACES = ("__NEXT_PROCESSED_ENV", "VITE_USER_NODE_ENV")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program as the driver knows it, and the pin of our loader.

    Attributes:
        several_files: it reads more than `.env`.
        listed: which files, and in which order, it is told.
        python: the Python driver runs it, not the one for Node.
        text: writes the files it is tried with.
        foreign: none of our drivers runs it; one can be given to the big run.
    """

    asked: str
    pin: str
    several_files: bool = False
    listed: bool = False
    python: bool = False
    text: Callable[[Random], str] = grammar.env_file
    foreign: bool = False

    def case(self, random: Random) -> Case:
        """A generated case for it."""
        return grammar.case(random, several_files=self.several_files, listed=self.listed, text=self.text)


PROGRAMS = {
    "next14": Program(asked="next14", pin="next@14", several_files=True),
    "next15": Program(asked="next15", pin="next@15", several_files=True),
    "next16": Program(asked="next16", pin="next@16", several_files=True),
    "vite5": Program(asked="vite5", pin="vite@5", several_files=True),
    "vite6": Program(asked="vite6", pin="vite@6", several_files=True),
    "vite7": Program(asked="vite7", pin="vite@7", several_files=True),
    "vite8": Program(asked="vite8", pin="vite@8", several_files=True),
    "dotenv16": Program(asked="dotenv16", pin="dotenv@16"),
    "dotenv17": Program(asked="dotenv17", pin="dotenv@17"),
    "dotenv18": Program(asked="dotenv18", pin="dotenv@18"),
    "dotenv-expand11": Program(asked="dotenv16+dotenv-expand11", pin="dotenv-expand@11"),
    "dotenv-expand12": Program(asked="dotenv17+dotenv-expand12", pin="dotenv-expand@12"),
    "dotenv-expand13": Program(asked="dotenv18+dotenv-expand13", pin="dotenv-expand@13"),
    "dotenv-expand1000": Program(asked="dotenv18+dotenv-expand1000", pin="dotenv-expand@1000"),
    "node": Program(asked="parseEnv", pin="node"),
    "python-dotenv": Program(asked="load_dotenv", pin="python-dotenv@1.2", python=True),
    "python-dotenv-1.1": Program(asked="load_dotenv", pin="python-dotenv@1.1", python=True),
    "pydantic": Program(asked="dotenv_values", pin="pydantic", python=True),
    "honcho": Program(asked="honcho", pin="honcho", python=True),
    "bun": Program(asked="bun", pin="bun@1.4", several_files=True, python=True),
    "uv": Program(asked="uv", pin="uv@0.12", several_files=True, listed=True, python=True),
    "shell": Program(
        asked="shell", pin="shell", several_files=True, listed=True, python=True, text=grammar.script
    ),
    "compose": Program(
        asked="compose",
        pin="compose",
        several_files=True,
        listed=True,
        text=grammar.template_file,
        foreign=True,
    ),
}


class Driver:
    """A process that runs cases through the real programs."""

    def __init__(
        self,
        *,
        python: bool,
        node: str = "node",
        given: str | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """`given`: an executable that speaks the protocol of our drivers, in their place."""
        ours = [sys.executable, str(PYTHON_DRIVER)] if python else [node, str(NODE_DRIVER)]
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        self._process = subprocess.Popen(
            ours if given is None else [given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**kept, **(extra or {})},
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Driver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, asked: str, case: Case, *, patience: int = 0) -> dict[str, object]:
        """`{"values": …}` or `{"error": name}`; `patience` in milliseconds, 0 = the driver's own."""
        self.send(asked, case, patience=patience)
        return self.answer()

    def send(self, asked: str, case: Case, *, patience: int = 0) -> None:
        """Put a case into the queue; answers come in the same order."""
        assert self._process.stdin is not None
        files = {name: base64.b64encode(text.encode()).decode() for name, text in case.files.items()}
        given: dict[str, object] = {"program": asked, "files": files, "process": case.process}
        given |= {"mode": case.mode, "patience": patience}
        self._process.stdin.write(json.dumps(given) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, object]:
        """The answer to the oldest case that has none yet."""
        assert self._process.stdout is not None
        found: dict[str, object] = json.loads(self._process.stdout.readline())
        return found


class Held:
    """Files that exist only here."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = {FOLDER / name: text.encode() for name, text in files.items()}

    def read(self, path: Path) -> bytes | None:
        """The content, or None."""
        return self._files.get(path)


def ours(pin: str, case: Case) -> Loaded:
    """What our loader says."""
    request = LoadRequest(
        folder=FOLDER,
        mode=case.mode,
        process=case.process,
        reader=Held(case.files),
        files=[FOLDER / name for name in case.files] if case.listed else None,
    )
    return loader(pin).load(request)


def runs_commands(made: Loaded) -> bool:
    """Whether the real program would execute something: such a case is never given to it."""
    return any(issue.kind == "executes" for issue in made.issues)


def disagreement(driver: Driver, program: Program, case: Case, *, patience: int = 0) -> str | None:
    """What the real program, asked for this case, says otherwise."""
    made = ours(program.pin, case)
    if runs_commands(made):
        return None
    return difference(program, case, driver.ask(program.asked, case, patience=patience), made)


def difference(program: Program, case: Case, said: dict[str, object], made: Loaded) -> str | None:
    """What the real program says otherwise; None where both agree or ours knows that it cannot know."""
    is_fatal = not made.variables and any(issue.fatal for issue in made.issues)
    if said.get("error") == "hang" and any(issue.kind == "file-dropped" for issue in made.issues):
        return None  # the text grows until its stack is full, which takes some texts minutes
    if "error" in said:
        return None if is_fatal else f"the program fails ({said['error']}), ours gives {_texts(made)}"
    values = said["values"]
    assert isinstance(values, dict)
    if is_fatal and not any(issue.kind == "file-dropped" for issue in made.issues):
        return f"ours fails ({made.issues}), the program gives {values}"
    unknown = {name for name, value in made.variables.items() if value.unknown}
    expected = {name: text for name, text in values.items() if name not in TRACES and name not in unknown}
    inherited = {} if program.asked in _ALONE else case.process
    found = {**inherited, **_texts(made)}
    if program.asked == "parseEnv":
        # Node drops what it cannot put into the environment only later.
        expected = {name: text.partition("\0")[0] for name, text in expected.items() if name}
        found = {name: text for name, text in found.items() if made.variables[name].raw is not None}
        expected = {name: text for name, text in expected.items() if name not in case.process}
    if program.asked == "dotenv_values":
        exported = {name.lower() for name in case.process}
        expected = {name: text for name, text in expected.items() if name.lower() not in exported}
        found = {name: text for name, text in found.items() if name.lower() not in exported}
    if program.asked == "honcho":
        found = {name: text for name, text in found.items() if made.variables[name].raw is not None}
    found = {name: text for name, text in found.items() if name not in unknown}
    return None if found == expected else f"the program: {expected}\n    ours:        {found}"


def _texts(made: Loaded) -> dict[str, str | None]:
    return {name: value.text for name, value in made.variables.items()}
