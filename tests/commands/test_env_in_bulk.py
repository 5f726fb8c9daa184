"""`devstack env --json --reveal` holds to the byte what the recorded programs got, for hundreds of services."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CASES = json.loads((Path(__file__).parents[1] / "corpus" / "env_cases.json").read_text())
PINS = {
    "next": "next@16",
    "vite": "vite@8+node@20",
    "vite8_node24": "vite@8+node@24",
    "dotenv": "dotenv@18",
    "node_env_file": "node@20",
    "python_dotenv": "python-dotenv@1.2",
    "compose_go": "compose",
    "honcho": "honcho",
}
PLAIN = [case for case in CASES if not case["process_env"]]


def write(root: Path, pin: str) -> None:
    services = ['name = "bulk"']
    for number, case in enumerate(PLAIN):
        folder = root / f"c{number}"
        contents = {name: text.encode("utf-8", "surrogatepass") for name, text in case["files"].items()}
        contents |= {name: base64.b64decode(text) for name, text in case.get("files_b64", {}).items()}
        for name, content in contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        where = (folder / case["dir"]).resolve()
        where.mkdir(parents=True, exist_ok=True)
        services.append(
            f'[services.c{number}]\ntype = "command"\ncommand = "true"\ndir = "{where.relative_to(root)}"\n'
            f'env = {{ loader = "{pin}", mode = "{case["mode"]}" }}'
        )
    (root / "stack.toml").write_text("\n".join(services))


@pytest.mark.parametrize("program", PINS)
def test_the_json_is_what_the_program_got(program: str, tmp_path: Path, devstack: Callable[..., Any]) -> None:
    root = tmp_path.resolve()
    write(root, PINS[program])
    told = devstack("env", "--json", "--reveal", cwd=root)
    services = json.loads(told.out)["services"]
    assert len(services) == len(PLAIN)
    for number, case in enumerate(PLAIN):
        wanted = case["expect"][program]
        got = {name: one["value"] for name, one in services[f"c{number}"]["variables"].items()}
        if "__error__" in wanted:
            assert not got or services[f"c{number}"]["errors"], case["id"]
        else:
            assert got == wanted, case["id"]
