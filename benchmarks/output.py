"""Output of services: lines per second, memory with a line that never ends, and what it costs the others.

    python benchmarks/output.py [--rounds N] [--quick]

Loads, each through the real command line, its standard output a pipe to a file:

    one     1,000,000 lines x 80 bytes of one service; once more with 25 secrets and logs that are rotated
    eight   8 services x 200,000 lines
    late    the same million lines to a reader that begins when the service has ended
    long    one line of 50 MB, beside a service that writes every 10 ms

The floor is `cat` between the same producers and the same reader; `x cat` is the median over rounds of what a round
took against the floor of that round. Services are programs that print line by line; a further table, without a
budget for the wall time, has `cat` of a file as its producer: what devstack's own start and its copying cost when
nothing else takes time. devstack's figures include its start, its checks, the lossless log files and the redaction
of five secrets. Each result is checked: every line there, undamaged, in order, no secret in it, log files complete.
Exit code 1 when something was lost or a budget is missed.
`--quick` leaves the peers away (honcho needs half a minute). `concurrently` is used where it is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

SECRETS = [hashlib.sha256(b"%d" % number).hexdigest()[:48] for number in range(25)]
FEW, MANY = 5, 25
ONE, EIGHT = 1_000_000, 200_000
LONG = 50_000_000
DEVSTACK = [sys.executable, "-m", "devstack", "up", "--yes", "--no-doctor", "--exit-when-done"]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One run: wall and CPU seconds, peak KB, and what is wrong with its output."""

    wall: float
    cpu: float
    memory: int = 0
    wrong: str = ""


@dataclass(kw_only=True)
class Row:
    name: str
    results: list[Result] = field(default_factory=list)

    def median(self, of: Callable[[Result], float]) -> float:
        return statistics.median(of(result) for result in self.results)

    @property
    def wrong(self) -> str:
        return next((result.wrong for result in self.results if result.wrong), "")

    def against(self, floor: Row) -> float:
        """The median over rounds of what it took against the floor of the same round."""
        pairs = zip(self.results, floor.results, strict=False)  # slow peers take part in the first round only
        return statistics.median(own.wall / lowest.wall for own, lowest in pairs)


def write_lines(path: Path, count: int) -> None:
    """`count` lines of 80 bytes, numbered; every 50,000th one carries a secret."""
    with path.open("wb") as out:
        for start in range(0, count, 1000):
            block = [
                b"%07d 2026-01-01T00:00:00Z INFO ws request done path=/api/chat status=200" % n
                for n in range(start, start + 1000)
            ]
            if start % 50_000 == 0:
                block[0] = b"%07d signed with " % start + SECRETS[start // 50_000 % FEW].encode()
            out.write(b"".join(line[:79].ljust(79, b".") + b"\n" for line in block))


def run(argv: list[str], folder: Path, out: Path, env: dict[str, str]) -> Result:
    """Run with standard output through `cat` into `out`."""
    with out.open("wb") as target:
        sink = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=target)
        began = time.perf_counter()
        process = subprocess.Popen(
            argv, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=sink.stdin, stderr=subprocess.STDOUT
        )
        assert sink.stdin is not None
        sink.stdin.close()
        memory, cpu = watch(process.pid)
        process.wait()
        sink.wait()
        wall = time.perf_counter() - began
    return Result(wall=wall, cpu=cpu, memory=memory)


def watch(pid: int) -> tuple[int, float]:
    """Peak KB and CPU seconds of a process itself, looked at until it ends. (wait4 adds up its children's.)"""
    memory, cpu = 0, 0.0
    with contextlib.suppress(OSError, IndexError):
        while True:
            status = Path(f"/proc/{pid}/status").read_text()
            memory = int(status.split("VmHWM:")[1].split()[0])
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            time.sleep(0.01)
    return memory, cpu


def check(out: Path, names: list[str], count: int, *, redacted: bool) -> str:
    """Whether every service's lines are all there, in order and undamaged."""
    text = out.read_bytes()
    if redacted and any(secret.encode()[:20] in text for secret in SECRETS):
        return "a secret came through"
    for name in names:
        found = re.findall(
            rb"^[^\n]*?" + name.encode() + rb"\b[^\n|\]]*[|\]] (\d{7}) [^\n]*$", text, re.MULTILINE
        )
        if len(found) != count:
            return f"{name}: {count - len(found)} lines lost or damaged"
        if found != sorted(found):
            return f"{name}: order lost"
    return ""


def check_logs(folder: Path, names: list[str], source: Path) -> str:
    """Whether the log files hold exactly what was written, secrets replaced."""
    wanted = source.read_bytes()
    for secret in SECRETS:
        wanted = wanted.replace(secret.encode(), b"[redacted]")
    for name in names:
        parts = sorted((folder / ".devstack" / "logs").glob(f"{name}.log*"), reverse=True)
        kept = b"".join(part.read_bytes() for part in parts if not part.name.endswith(".index"))
        if kept != wanted:
            return f"log of {name}: {len(kept)} bytes instead of {len(wanted)}"
    return ""


def contestants(
    folder: Path, names: list[str], produce: str, *, quick: bool, secrets: int = FEW
) -> Iterator[tuple[str, list[str]]]:
    """Name and command line of everybody who takes part; writes their files."""
    cats = " & ".join([produce] * len(names))
    yield "cat", ["sh", "-c", f"{{ {cats} & wait; }} | cat"]
    tables = "".join(
        f'[services.{name}]\ntype = "command"\ncommand = "{produce}"\noneshot = true\n' for name in names
    )
    (folder / "stack.toml").write_text(f'name = "bench"\n{tables}')
    (folder / ".env").write_text(
        "".join(f"S{n}_SECRET={secret}\n" for n, secret in enumerate(SECRETS[:secrets]))
    )
    yield "devstack", DEVSTACK
    if quick:
        return
    # honcho stops everybody when the first one ends: each waits until all are done.
    barrier = f"while [ $(ls done.* | wc -l) -lt {len(names)} ]; do sleep 0.05; done"
    script = folder / "produce.sh"
    script.write_text(f"{produce}; touch done.$1; {barrier}\n")
    (folder / "Procfile").write_text("".join(f"{name}: sh produce.sh {name}\n" for name in names))
    honcho = Path(sys.executable).with_name("honcho")
    if honcho.exists():
        yield "honcho", [str(honcho), "start", "--no-colour"]
    here = os.pathsep.join(
        [str(Path(__file__).with_name("node_modules") / ".bin"), os.environ.get("PATH", "")]
    )
    concurrently = shutil.which("concurrently", path=here)
    if concurrently:
        yield (
            "concurrently",
            [concurrently, "--no-color", "-n", ",".join(names), *[produce] * len(names)],
        )


# Buffers by itself, as C programs do: under devstack PYTHONUNBUFFERED is set, and a write for each line would be
# measured instead of what becomes of the lines.
PRINT = """
out = open(1, "w", buffering=65536)
for line in open("lines.txt"):
    out.write(line)
"""


def environment() -> dict[str, str]:
    return {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}


def throughput(
    names: list[str],
    count: int,
    rounds: int,
    *,
    quick: bool,
    flat_out: bool = False,
    secrets: int = FEW,
    settings: Mapping[str, str] | None = None,
) -> list[Row]:
    """Paired runs: each round runs everybody once; slow peers only in the first. `settings`: further variables."""
    rows: dict[str, Row] = {}
    env = {**environment(), **(settings or {})}
    with tempfile.TemporaryDirectory(prefix="bench-output-") as text:
        folder = Path(text)
        source, out = folder / "lines.txt", folder / "out.txt"
        write_lines(source, count)
        (folder / "print.py").write_text(PRINT)
        produce = "cat lines.txt" if flat_out else f"{sys.executable} print.py"
        for number in range(rounds):
            for name, argv in contestants(folder, names, produce, quick=quick or number > 0, secrets=secrets):
                shutil.rmtree(folder / ".devstack", ignore_errors=True)
                for mark in folder.glob("done.*"):
                    mark.unlink()
                result = run(argv, folder, out, env)
                wrong = _judge(name, folder, names, source, out, count)
                row = rows.setdefault(name, Row(name=name))
                row.results.append(replace(result, wrong=wrong))
    return list(rows.values())


def _judge(name: str, folder: Path, names: list[str], source: Path, out: Path, count: int) -> str:
    if name == "cat":
        expected = source.stat().st_size * len(names)
        return "" if out.stat().st_size == expected else "bytes lost"
    wrong = check(out, names, count, redacted=name == "devstack")
    return wrong or (check_logs(folder, names, source) if name == "devstack" else "")


def report(title: str, rows: list[Row]) -> None:
    print(f"\n{title}\n  {'':14}{'wall s':>8}{'x cat':>7}{'CPU s':>8}{'MB':>6}  result")
    for row in rows:
        wall = row.median(lambda result: result.wall)
        cpu, memory = row.median(lambda result: result.cpu), row.median(lambda result: result.memory) / 1024
        figures = f"{wall:8.3f}{row.against(rows[0]):7.1f}{cpu:8.2f}{memory:6.0f}"
        print(f"  {row.name:14}{figures}  {row.wrong or 'complete, in order'}")


def late_reader(count: int) -> tuple[float, str]:
    """How long the service took while nobody read, and what is wrong with the log or with what is said."""
    with tempfile.TemporaryDirectory(prefix="bench-output-") as text:
        folder = Path(text)
        source, done = folder / "lines.txt", folder / "done"
        write_lines(source, count)
        (folder / "print.py").write_text(PRINT)
        produce = f"{sys.executable} print.py && touch done"
        argv = dict(contestants(folder, ["loud"], produce, quick=True))["devstack"]
        began = time.perf_counter()
        process = subprocess.Popen(
            argv, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        while not done.exists() and process.poll() is None:
            time.sleep(0.005)
        held = time.perf_counter() - began
        out = process.communicate()[0]
        lost = sum(
            int(found.replace(b",", b"")) for found in re.findall(rb"([\d,]+) lines? not shown here", out)
        )
        shown = len(re.findall(rb"^loud \| ", out, re.MULTILINE))
        wrong = check_logs(folder, ["loud"], source)
        if not wrong and (shown + lost != count or b"Everything stopped" not in out):
            wrong = f"{shown} lines shown, {lost} said to be missing, {count} written"
        return held, wrong


TICKER = """
import sys, time
for _ in range(200):
    print(f"tick {time.time():.4f}", flush=True)
    time.sleep(0.01)
"""


@dataclass(frozen=True, kw_only=True)
class LongLine:
    """Delays of the quiet service's lines in seconds, the peak in KB, and how much of the long line came."""

    delays: list[float]
    memory: int
    came: int


def long_line(size: int) -> LongLine:
    """A line of `size` bytes in one service while another ticks; read as it comes."""
    with tempfile.TemporaryDirectory(prefix="bench-output-") as text:
        folder = Path(text)
        (folder / "ticker.py").write_text(TICKER)
        produce = f"sleep 0.5; head -c {size} /dev/zero | tr '\\\\0' x; echo; echo done"
        (folder / "stack.toml").write_text(
            'name = "bench"\n'
            f'[services.long]\ntype = "command"\ncommand = "{produce}"\noneshot = true\n'
            f'[services.tick]\ntype = "command"\ncommand = "{sys.executable} ticker.py"\noneshot = true\n'
        )
        process = subprocess.Popen(DEVSTACK, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        delays: list[float] = []
        came = [0]

        def read() -> None:
            rest = b""
            while data := os.read(process.stdout.fileno(), 1 << 20):  # type: ignore[union-attr]
                now = time.time()
                came[0] += data.count(b"x")
                *whole, rest = (rest[-100:] + data).split(b"\n")
                delays.extend(
                    now - float(line.split()[-1])
                    for line in whole
                    if line.startswith(b"tick") and b"| tick" in line
                )

        reader = threading.Thread(target=read)
        reader.start()
        memory, _ = watch(process.pid)
        process.wait()
        reader.join()
        kept = (folder / ".devstack" / "logs" / "long.log").read_bytes()
        if kept.count(b"x") != size or not kept.endswith(b"x\ndone\n"):
            came[0] = -1
        assert process.stdout is not None
        process.stdout.close()
        return LongLine(delays=delays, memory=memory, came=came[0])


def main() -> int:
    parser = argparse.ArgumentParser(description="Output benchmarks.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="without peers")
    options = parser.parse_args()
    failures: list[str] = []

    one = throughput(["loud"], ONE, options.rounds, quick=options.quick)
    report(f"1 service x {ONE:,} lines of 80 bytes (budget: 3 x cat, 1 CPU s)", one)
    eight = throughput([f"s{n}" for n in range(8)], EIGHT, options.rounds, quick=options.quick)
    report(f"8 services x {EIGHT:,} lines (budget: 4 x cat)", eight)
    for rows, factor in ((one, 3), (eight, 4)):
        failures += [
            f"{row.name}: {row.wrong}" for row in rows if row.wrong and row.name in ("cat", "devstack")
        ]
        ratio = rows[1].against(rows[0])
        if ratio > factor:
            failures.append(f"devstack took {ratio:.1f} x cat, the budget is {factor}")
    hard = throughput(
        ["loud"],
        ONE,
        options.rounds,
        quick=True,
        secrets=MANY,
        settings={"DEVSTACK_LOG_SIZE": "21000000"},  # four files hold all of it
    )
    report(f"the same {ONE:,} lines with {MANY} secrets and a rotation every 21 MB (budget: 1 CPU s)", hard)
    flat = throughput(["loud"], ONE, options.rounds, quick=True, flat_out=True)
    report(f"the same {ONE:,} lines from `cat` of a file (budget: 1 CPU s)", flat)
    failures += [f"devstack: {rows[1].wrong}" for rows in (hard, flat) if rows[1].wrong]
    if max(rows[1].median(lambda result: result.cpu) for rows in (one, hard, flat)) > 1.0:
        failures.append("1,000,000 lines took more than 1 CPU second")

    held, wrong = late_reader(ONE)
    print(
        f"\nthe same {ONE:,} lines to a reader that begins when the service has ended (budget: nothing lost in the log)"
    )
    print(
        f"  devstack: the service took {held:.2f} s; {wrong or 'log complete, what is missing on screen is told'}"
    )
    failures += [f"late reader: {wrong}"] if wrong else []

    small, big = long_line(1000), long_line(LONG)
    grown = (big.memory - small.memory) / 1024
    worst = max(big.delays, default=9.0) * 1000
    print(
        f"\n1 line of {LONG // 1_000_000} MB beside a service that writes every 10 ms (budget: +20 MB, 100 ms)"
    )
    print(
        f"  devstack: {grown:+.1f} MB; lines of the other service: {len(big.delays)} of 200, worst delay {worst:.1f} ms"
    )
    if grown > 20 or worst > 100 or len(big.delays) != 200 or not LONG <= big.came <= LONG + 1000:
        failures.append(f"the long line: {big.came} of {LONG} bytes came, {len(big.delays)} of 200 lines")
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
