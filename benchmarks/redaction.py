"""Redaction of 80 MB in 80-byte lines, against copying the same blocks; CPU seconds, medians of paired runs.

    python benchmarks/redaction.py [megabytes]

Budget: well under one CPU second for 80 MB with the secrets of a large stack. A last row has a secret in every
fourth line; its output is checked.
"""

from __future__ import annotations

import secrets
import statistics
import sys
import time
from collections.abc import Callable

from devstack.env.redact import MARKER, Redactor

BLOCK = 64 * 1024
BUDGET = 1.0  # CPU seconds for 80 MB
RUNS = 3


def lines(count: int, shape: bytes) -> bytes:
    return b"".join((shape % number)[:79].ljust(79, b".") + b"\n" for number in range(count))


def cpu(action: Callable[[], object]) -> float:
    began = time.process_time()
    action()
    return time.process_time() - began


def through(redactor: Redactor, blocks: list[bytes]) -> list[bytes]:
    stream = redactor.stream()
    return [*(stream.feed(block) for block in blocks), stream.flush()]


def main() -> int:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 80
    count = megabytes * 1_000_000 // 80
    values = [secrets.token_urlsafe(32) for _ in range(20)] + [secrets.token_hex(32) for _ in range(5)]
    log = lines(count, b"2026-01-01T00:00:00.000Z INFO ws request=%08d path=/api/chat status=200 took=12ms")
    urls = lines(count, b"GET http://localhost:3000/a?b=1 user@host next@16 %08d Q=1")
    dirty = lines(count, b"%08d connected with " + values[0].encode())
    mixed = b"".join(log[at : at + 240] + dirty[at : at + 80] for at in range(0, len(log), 320))
    cases = [
        ("no secrets known", Redactor(), log),
        ("5 secrets", Redactor(values[:5]), log),
        ("25 secrets", Redactor(values), log),
        ("25 secrets, URLs and @ in each line", Redactor(values), urls),
        ("25 secrets, one in every 4th line", Redactor(values), mixed),
    ]
    worst, wrong = 0.0, False
    print(f"{megabytes} MB, blocks of {BLOCK // 1024} KB: CPU seconds")
    for name, redactor, data in cases:
        blocks = [data[at : at + BLOCK] for at in range(0, len(data), BLOCK)]
        floor = statistics.median(cpu(lambda blocks=blocks: b"".join(blocks)) for _ in range(RUNS))
        took = statistics.median(cpu(lambda r=redactor, b=blocks: through(r, b)) for _ in range(RUNS))
        out = b"".join(through(redactor, blocks))
        wrong |= values[0].encode() in out or out.count(b"\n") != data.count(b"\n")
        wrong |= (MARKER in out) != (data is mixed)
        worst = max(worst, took if data is not mixed else took / 2)  # replacing may cost twice as much
        print(f"  {name:40} {took:6.3f}   copying {floor:6.3f}")
    if wrong:
        print("wrong: a secret survived, or lines were lost")
    return 1 if wrong or worst > BUDGET * megabytes / 80 else 0


if __name__ == "__main__":
    raise SystemExit(main())
