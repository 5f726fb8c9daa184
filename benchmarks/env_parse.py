"""Reading env files: our python-dotenv loader, with provenance, beside python-dotenv's own bare parse.

Prints seconds for 1,000 and 10,000 files of 50 keys each, medians of paired runs; exits non-zero when the two
do not find the same values.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from dotenv import dotenv_values

from devstack.env.files import Files
from devstack.env.loaders.table import loader
from devstack.env.model import LoadRequest

KEYS, RUNS = 50, 3


def main() -> int:
    """Both sizes; 1 when a value differs."""
    print(f"{'files':>7} {'python-dotenv':>14} {'devstack':>10} {'ratio':>6}")
    for count in (1_000, 10_000):
        with tempfile.TemporaryDirectory() as folder:
            paths = _written(Path(folder), count)
            pairs = [(_peer(paths), _ours(Path(folder), paths)) for _ in range(RUNS)]
            if _texts(Path(folder), paths[0]) != dict(dotenv_values(paths[0], interpolate=False)):
                print("the values differ", file=sys.stderr)
                return 1
        peer, own = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{count:>7} {peer:>12.3f} s {own:>8.3f} s {own / peer:>6.2f}")
    return 0


def _written(folder: Path, count: int) -> list[Path]:
    paths = []
    for number in range(count):
        path = folder / f"{number}.env"
        lines = [f"SERVICE_{key}_URL=http://localhost:{3000 + key}/path{number}" for key in range(KEYS - 10)]
        lines += [f'QUOTED_{key}="a value {number}" # note' for key in range(10)]
        path.write_text("\n".join(lines) + "\n")
        paths.append(path)
    return paths


def _peer(paths: list[Path]) -> float:
    started = time.perf_counter()
    for path in paths:
        dotenv_values(path, interpolate=False)
    return time.perf_counter() - started


def _ours(root: Path, paths: list[Path]) -> float:
    started = time.perf_counter()
    files, program = Files(root), loader("python-dotenv@1.2")
    for path in paths:
        program.load(LoadRequest(folder=root, mode="development", process={}, reader=files, files=[path]))
    return time.perf_counter() - started


def _texts(root: Path, path: Path) -> dict[str, str | None]:
    request = LoadRequest(folder=root, mode="development", process={}, reader=Files(root), files=[path])
    return {name: value.text for name, value in loader("python-dotenv@1.2").load(request).variables.items()}


if __name__ == "__main__":
    sys.exit(main())
