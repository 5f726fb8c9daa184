"""Source index: 10,000 files of a made-up repository, against reading the same bytes once.

    python benchmarks/source_scan.py [files]

The floor is opening and reading every file; budget for 10,000 files: 5 s.
It is CPU time that is judged: one thread does all the work, and a busy machine must not fail it.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

from devstack.env.files import Files
from devstack.env.source.scan import SourceScanner
from devstack.stack.model import Service, ServiceType, Stack

BUDGET = 5.0  # seconds for 10,000 files
ENV_EVERY = 8  # one file in eight reads the environment, as in the repositories that were looked at


def module(number: int, choice: random.Random) -> str:
    body = "\n".join(
        f"export function step{number}_{line}(input: Record<string, number>) {{\n"
        f"  // adjusts the running total, see https://example.org/{line}\n"
        f"  const value = (input['k{line}'] ?? {choice.randrange(100)}) * 2;\n"
        f"  return value > 10 ? `big ${{value}}` : 'small';\n}}"
        for line in range(choice.randrange(5, 35))
    )
    client = "'use client';\n" if number % 5 == 0 else ""
    read = "const url = process.env.NEXT_PUBLIC_WS_URL || 'ws://localhost:3001';\n"
    reads = read if number % ENV_EVERY == 0 else ""
    return f"{client}import {{ step{number // 2}_0 }} from '../d{number // 2 % 100}/m{number // 2}';\n{reads}{body}\n"


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    choice = random.Random(7)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for number in range(count):
            path = root / "web" / f"d{number % 100}" / f"m{number}.ts"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(module(number, choice))
        floor = measure(lambda: [path.read_bytes() for path in root.rglob("*.ts")])
        size = sum(path.stat().st_size for path in root.rglob("*.ts"))
        service = Service(name="web", type=ServiceType.NEXT, dir="web")
        stack = Stack(name="bench", path=root / "stack.toml", root=root, services={"web": service})
        results = []
        took = measure(lambda: results.append(SourceScanner(root, Files(root)).index(stack, service)))
        index = results[0]
    expected = len(range(0, count, ENV_EVERY))
    print(f"{count} files, {size / 1e6:.1f} MB, {len(index.reads)} reads")
    print(f"  reading them      {floor:6.2f} s CPU")
    print(f"  devstack's index  {took:6.2f} s CPU   budget {BUDGET * count / 10_000:.2f} s")
    if len(index.reads) != expected or index.files_scanned != count:
        print(f"wrong: {expected} reads expected")
        return 1
    return 0 if took <= BUDGET * count / 10_000 else 1


def measure(action: object) -> float:
    began = time.process_time()
    action()  # type: ignore[operator]
    return time.process_time() - began


if __name__ == "__main__":
    raise SystemExit(main())
