"""Generated documents are what the code says: `python -m tests.docs_in_sync [--write]`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devstack.cli.app import COMMANDS
from devstack.errors import ExitCode
from devstack.rules import docs as rule_pages
from devstack.run.transitions import mermaid
from devstack.stack.defaults import BY_TYPE
from devstack.stack.jsonschema import json_schema
from devstack.stack.loaders import LOADER_KINDS
from devstack.stack.model import FRONTENDS, ServiceType

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


def types() -> str:
    """The table of service types."""
    rows = [
        f"| `{kind.value}` | {row.loader} | {'yes' if row.inject else ''} | {_carried(kind, row.port_env)} |"
        f" {row.on_change.value} | {'yes' if row.starts else 'no'} |"
        for kind, row in BY_TYPE.items()
    ]
    head = "| type | loader | injects | port by | a changed value means | started |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


# What each loader reads where nobody names files, and what surprises in it.
READS = {
    "next": "`.env.MODE.local`, `.env.local` (not in test), `.env.MODE`, `.env`; the first wins. An exported value is "
    "expanded again where a file declares its name",
    "vite": "`.env`, `.env.local`, `.env.MODE`, `.env.MODE.local`; the last wins. From 8 on the runtime parses: "
    "`vite@8+node@22`, `vite@8+bun@1.4`",
    "dotenv": "`.env`",
    "dotenv-expand": "`.env`, with `$NAME`; 1000 would run `$(…)`, which devstack never does",
    "node": "what `--env-file` names; a missing file is an error. A release that reads otherwise than the last one of "
    "its line is told apart, and can be pinned: `@22.12`",
    "bun": "the files of Next, before the program's first line; the mode is `BUN_ENV`, else `NODE_ENV`",
    "python-dotenv": "`.env`, upward from the calling file",
    "pydantic": "what `env_file` names; an exported value wins whatever its case",
    "uv": "what `uv run --env-file` names; of one name the first line counts, and a line that it cannot take ends the "
    "file",
    "compose": "`.env`, and what `env_file` names",
    "honcho": "`.env`, over what is exported",
    "shell": "what a script sources, as far as that can be told without running it",
    "none": "nothing",
}


def loaders() -> str:
    """The table of loaders."""
    rows = [
        f"| `{kind}` | {', '.join(f'`@{pin}`' for pin in pins)} | {READS[kind]} |"
        for kind, pins in LOADER_KINDS.items()
    ]
    return "\n".join(["| loader | versions | reads |", "|---|---|---|", *rows])


def _carried(kind: ServiceType, variable: str) -> str:
    if kind in FRONTENDS:
        return "its flag"
    return f"`{variable}`" if variable else "its own settings"


# Where each table of the schema stands in the file, in the order in which people write them.
PLACES = {
    "service": "[services.NAME]",
    "ready": "[services.NAME.ready]",
    "websocket": "[services.NAME.websocket]",
    "token": "[services.NAME.websocket.token]",
    "expect": "[services.NAME.websocket.expect]",
    "env": "[services.NAME.env]",
    "layer": "[[services.NAME.env.layers]]",
    "setup": "[services.NAME.setup]",
    "restart": "[services.NAME.restart]",
    "stop": "[services.NAME.stop]",
    "shared": "[shared.NAME]",
    "link": "[[links]]",
    "origins": "[[origins]]",
    "distinct": "[[distinct]]",
    "doctor": "[doctor]",
    "ignore": "[[doctor.ignore]]",
}


def keys() -> str:
    """One table for each table of stack.toml."""
    schema = json_schema()
    assert set(PLACES) == set(schema["$defs"]), "a table of the schema has no place here"
    parts = [f"### Top level\n{_keys(schema)}"]
    parts += [f"### `{place}`\n{_keys(schema['$defs'][name])}" for name, place in PLACES.items()]
    return "\n\n".join(parts)


def _keys(table: Mapping[str, Any]) -> str:
    rows = [
        f"| `{key}`{' *' if key in table.get('required', ()) else ''} | {_kind(one)} | {one['description']} |"
        for key, one in table["properties"].items()
    ]
    return "\n".join(["| key | value | means |", "|---|---|---|", *rows])


def _kind(one: Mapping[str, Any]) -> str:
    """What may stand there, in a word or two."""
    if "$ref" in one:
        return f"`{PLACES[one['$ref'].rpartition('/')[2]]}`"
    if "enum" in one:
        return ", ".join(f"`{word}`" for word in one["enum"])
    if "anyOf" in one:
        return " or ".join(dict.fromkeys(_kind(branch) for branch in one["anyOf"]))
    if one["type"] == "array":
        return _kind(one["items"]) if "$ref" in one["items"] else f"list of {_kind(one['items'])}"
    if one["type"] == "object":
        inner = one.get("additionalProperties")
        if not isinstance(inner, dict) or not inner:
            return "table"
        return _kind(inner) if "$ref" in inner else f"table: name = {_kind(inner)}"
    return {"string": "text", "boolean": "true, false"}.get(one["type"], "number")


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
    stack = ROOT / "docs" / "stack.md"
    return {
        ROOT / "docs" / "rules.md": rule_pages.render(),
        ROOT / "docs" / "stack.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
        readme: between(readme.read_text(), {"commands": commands(), "exit-codes": exit_codes()}),
        stack: between(stack.read_text(), {"types": types(), "loaders": loaders(), "keys": keys()}),
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
