"""Runs env files through the installed python-dotenv and honcho: the protocol of the node driver."""

from __future__ import annotations

import base64
import json
import logging
import os
import sys
import tempfile
from pathlib import Path


def answer(program: str, path: Path) -> dict[str, object]:
    """What the program makes of the file, with `os.environ` as given."""
    if program == "honcho":
        from honcho.environ import parse

        with path.open(encoding="utf-8") as file:
            return dict(parse(file.read()))
    from dotenv import dotenv_values, load_dotenv

    if program == "dotenv_values":
        return dict(dotenv_values(path, encoding="utf-8"))
    load_dotenv(path)
    return dict(os.environ)


def main() -> None:
    """One JSON case per line in, one JSON answer per line out."""
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, ".env")
        for line in sys.stdin:
            given = json.loads(line)
            path.write_bytes(base64.b64decode(given["files"][".env"]))
            os.environ.clear()
            os.environ.update(given["process"])
            try:
                said: dict[str, object] = {"values": answer(given["program"], path)}
            except ValueError as problem:
                said = {"error": type(problem).__name__}
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
