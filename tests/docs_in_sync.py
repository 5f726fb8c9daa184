"""Generated documents are what the code says: `python -m tests.docs_in_sync [--write]`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.cli.app import COMMANDS
from devstack.errors import ExitCode
from devstack.rules import docs as rule_pages
from devstack.run.transitions import mermaid
from devstack.stack.jsonschema import json_schema

ROOT = Path(__file__).resolve().parent.parent

MEANINGS = {
    ExitCode.OK: "fine",
    ExitCode.FINDINGS: "findings at or above the threshold",
    ExitCode.USAGE: "wrong command line, or stack.toml is wrong",
    ExitCode.PORT_HELD: "a port is held",
    ExitCode.SERVICE_FAILED: "a service failed",
    ExitCode.REFUSED: "refused, because it would be unsafe",
    ExitCode.SYSTEM: "the operating system said no",
    ExitCode.INTERNAL: "a bug of devstack: one line, and a crash file without values",
    ExitCode.TIMED_OUT: "timed out",
    ExitCode.INTERRUPTED: "Ctrl-C",
    ExitCode.TERMINATED: "SIGTERM",
}


def exit_codes() -> str:
    """The table of exit codes."""
    rows = [f"| {code.value} | {MEANINGS[code]} |" for code in ExitCode]
    return "\n".join(["| code | meaning |", "|---|---|", *rows])


def commands() -> str:
    """The table of commands."""
    rows = [f"| `devstack {name}` | {text} |" for name, (_, text) in COMMANDS.items()]
    return "\n".join(["| command | does |", "|---|---|", *rows])


def between(text: str, marks: Mapping[str, str]) -> str:
    """`text` with each `<!-- NAME:begin -->…<!-- NAME:end -->` filled anew."""
    for name, content in marks.items():
        pattern = re.compile(rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
        assert pattern.search(text), f"no marks for {name}"
        text = pattern.sub(lambda found, content=content: f"{found[1]}{content}\n{found[2]}", text)
    return text


def documents() -> dict[Path, str]:
    """Every generated document and what it should be."""
    readme, architecture = ROOT / "README.md", ROOT / "docs" / "architecture.md"
    return {
        ROOT / "docs" / "rules.md": rule_pages.render(),
        ROOT / "docs" / "stack.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        readme: between(readme.read_text(), {"commands": commands(), "exit-codes": exit_codes()}),
        architecture: between(architecture.read_text(), {"phases": f"```mermaid\n{mermaid().rstrip()}\n```"}),
    }


def main(argv: list[str]) -> int:
    """Compare, or write with `--write`; 1 when something is out of date."""
    stale = [path for path, text in documents().items() if not path.is_file() or path.read_text() != text]
    if "--write" in argv:
        for path in stale:
            path.write_text(documents()[path])
        stale = []
    for path in stale:
        print(f"{path.relative_to(ROOT)} is out of date: make docs", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
