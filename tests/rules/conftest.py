"""Rule cases: a small repository in one text file, with what doctor must say about it.

    expect: duplicate-key ws/.env:3 warning     any number; compared as a complete set
    env: NAME=value                             what devstack's own environment holds
    track: ws/.env                              git add
    -- stack.toml --                            files follow; without stack.toml the pair below is the stack
    …
    -- ws/.env [crlf] --                        how it is written: crlf bom utf-16 latin-1 no-newline escaped
    -- web/.env -> ../.env --                   a symlink

The complete set: every finding of the rule that the case belongs to, and every *error* of any other rule.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from devstack.commands.doctor import inspect
from devstack.rules import engine, roster
from devstack.rules.base import Finding, Needs, Report, Severity
from devstack.rules.catalogue import CATALOGUE
from devstack.rules.inspection import Inspection

FOLDER = Path(__file__).parent
_HEADER = re.compile(r"^-- (\S+)(?: -> (\S+))?((?: \[[\w-]+\])*) --$")

PAIR = """\
name = "pair"
[services.web]
type = "next"
dir = "web"
port = 3000
depends_on = ["ws"]
[services.ws]
type = "python"
dir = "ws"
command = "python3 main.py"
port = 3001
"""
PAIR_FILES = {
    "web/package.json": '{"scripts": {"dev": "next dev"}, "dependencies": {"next": "^16.4.0"}}\n',
    "web/app/page.tsx": "export default function Page() { return null }\n",
    "ws/main.py": "from dotenv import load_dotenv\n\nload_dotenv()\n",
}


@dataclass(frozen=True)
class Case:
    """One repository and what must be said about it."""

    rule: str
    good: bool
    path: Path
    expect: frozenset[str]
    files: Mapping[str, bytes]
    links: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    track: Sequence[str] = ()


def read_case(path: Path) -> Case:
    """Parse a case file; `<rule>/<good|bad>/<name>.case`."""
    head, *sections = re.split(r"(?m)^(?=-- )", path.read_text(encoding="utf-8"))
    settings: dict[str, list[str]] = {"expect": [], "env": [], "track": []}
    for line in head.splitlines():
        if line.strip() and not line.startswith("#"):
            key, _, value = line.partition(":")
            settings[key].append(" ".join(value.split()))
    files: dict[str, bytes] = {}
    links: dict[str, str] = {}
    for section in sections:
        header, _, body = section.partition("\n")
        found = _HEADER.match(header)
        assert found, f"{path}: {header}"
        name, target, ways = found.groups()
        if target:
            links[name] = target
        else:
            files[name] = _written(body, re.findall(r"[\w-]+", ways))
    if "stack.toml" not in files:
        files = {"stack.toml": PAIR.encode(), **{k: v.encode() for k, v in PAIR_FILES.items()}, **files}
    return Case(
        rule=path.parent.parent.name.replace("_", "-"),
        good=path.parent.name == "good",
        path=path,
        expect=frozenset(settings["expect"]),
        files=files,
        links=links,
        env=dict(entry.split("=", 1) for entry in settings["env"]),
        track=settings["track"],
    )


def _written(body: str, ways: Iterable[str]) -> bytes:
    text, codec = body, "utf-8"
    for way in ways:
        if way == "crlf":
            text = text.replace("\n", "\r\n")
        elif way == "bom":
            text = "\ufeff" + text
        elif way == "no-newline":
            text = text.rstrip("\n")
        elif way == "escaped":
            text = text.encode().decode("unicode_escape")
        else:
            codec = way
    return text.encode(codec)


def all_cases() -> list[Case]:
    return [read_case(path) for path in sorted(FOLDER.glob("*/*/*.case"))]


def materialise(
    folder: Path, files: Mapping[str, bytes], links: Mapping[str, str], track: Sequence[str] = ()
) -> Path:
    """Write a repository below `folder`."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    for name, target in links.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)
    if track:
        for command in (["init", "-q"], ["add", "-f", "--", *track]):
            subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
    return folder


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What devstack would be started with: programs are found, nothing else is inherited."""
    path = os.pathsep.join([os.environ["PATH"], _elsewhere()])
    return {"PATH": path, "HOME": os.environ.get("HOME", "/"), **extra}


@cache
def _elsewhere() -> str:
    """Programs that cases name, for machines without them; no case runs one."""
    folder = tempfile.mkdtemp(prefix="programs-")
    atexit.register(shutil.rmtree, folder)
    for name in ("docker", "ssh"):
        program = Path(folder) / name
        program.write_text("#!/bin/sh\nexit 1\n")
        program.chmod(0o755)
    return folder


def look(folder: Path, env: Mapping[str, str]) -> Report:
    """Doctor's file rules, in this process; what they find, those that `up` does not leave out find."""
    inspection = inspect(folder, environment(env))
    report = engine.run(inspection, CATALOGUE, engine.Choice(needs=frozenset((Needs.FILES,))))
    asked = {rule.name for rule in roster.rules(roster.may_speak(inspection)[0])}
    assert {finding.rule for finding in report.findings} <= asked
    return report


def line_of(finding: Finding) -> str:
    """A finding as `expect:` writes it."""
    place = finding.locations[0] if finding.locations else None
    where = "-" if place is None else place.path if place.line is None else f"{place.path}:{place.line}"
    return f"{finding.rule} {where} {finding.severity.value}"


@pytest.fixture
def said(tmp_path: Path) -> Callable[[Case], Report]:
    """Materialise a case and run doctor over it."""

    def run(case: Case) -> Report:
        materialise(tmp_path, case.files, case.links, case.track)
        return look(tmp_path, case.env)

    return run


@pytest.fixture
def inspected(tmp_path: Path) -> Callable[..., Inspection]:
    """An inspection of a repository from a dict of files: `inspected({...}, env={...})`."""

    def make(files: Mapping[str, str | bytes], env: Mapping[str, str] | None = None) -> Inspection:
        raw = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
        materialise(tmp_path, raw, {})
        return inspect(tmp_path, environment(env or {}))

    return make


def relevant(case: Case, report: Report) -> frozenset[str]:
    """The findings that a case speaks about."""
    return frozenset(
        line_of(finding)
        for finding in report.findings
        if finding.rule == case.rule or finding.severity is Severity.ERROR
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        cases = all_cases()
        metafunc.parametrize(
            "case", cases, ids=[f"{case.rule}-{case.path.parent.name}-{case.path.stem}" for case in cases]
        )
    if "scenario" in metafunc.fixturenames:
        import json

        loaded = json.loads((FOLDER.parent / "corpus" / "scenarios.json").read_text(encoding="utf-8"))
        metafunc.parametrize("scenario", loaded, ids=[entry["id"] for entry in loaded])


@pytest.fixture
def relevant_lines() -> Callable[[Case, Report], frozenset[str]]:
    return relevant


@pytest.fixture
def scenario_report(tmp_path: Path) -> Callable[[dict[str, object]], Report]:
    """Materialise an entry of tests/corpus/scenarios.json and run doctor over it."""

    def run(entry: dict[str, object]) -> Report:
        write_scenario(tmp_path, entry)
        return look(tmp_path, entry["process_env"])  # type: ignore[arg-type]

    return run


def write_scenario(folder: Path, entry: dict[str, object]) -> None:
    wide = entry["utf16"]
    files = {
        name: text.encode("utf-16" if name in wide else "utf-8")  # type: ignore[operator]
        for name, text in {**entry["files"], "stack.toml": entry["stack"]}.items()  # type: ignore[dict-item]
    }
    materialise(folder, files, entry["symlinks"], entry["git_add"])  # type: ignore[arg-type]


@pytest.fixture
def write_scenario_files() -> Callable[[Path, dict[str, object]], None]:
    return write_scenario


@pytest.fixture
def case_folders() -> dict[str, Path]:
    """Rule name → the folder of its cases."""
    return {
        path.name.replace("_", "-"): path
        for path in FOLDER.iterdir()
        if path.is_dir() and path.name[0] not in "_."
    }
