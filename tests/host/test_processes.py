"""Processes: one contract for the real host and the fake one, then what only real processes can show."""

from __future__ import annotations

import os
import platform
import secrets
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from devstack.host import lineage, process_facts, tree
from devstack.host.base import Child, Command, Ending, Host, SpawnError, this_host
from tests.e2e.programs import ESCAPED, STUBBORN_MEMBER, command_line, eventually, tagged
from tests.fakes import FakeHost

PATH = os.environ["PATH"]
RUN = secrets.token_hex(8)  # the same tests may run twice on this machine


@pytest.fixture
def started() -> Iterator[list[Child]]:
    """Children that a test started; whatever lives at the end is killed and reaped."""
    children: list[Child] = []
    yield children
    for child in children:
        child.signal("KILL")
        select.select([child.exit_handle], [], [], 60)
        child.release()
        os.close(child.output)


@pytest.fixture(params=["real", "fake"])
def host(request: pytest.FixtureRequest) -> Host:
    """Both hosts, for the contract."""
    if request.param == "real":
        return this_host(RUN)
    fake = FakeHost()
    fake.missing.add("surely-not-there")
    return fake


def command(*argv: str, cwd: Path = Path("/"), **more: object) -> Command:
    return Command(argv=argv, cwd=cwd, env={"PATH": PATH}, tag="svc", **more)  # type: ignore[arg-type]


def ended(child: Child, timeout: float = 60) -> Ending:
    ready, _, _ = select.select([child.exit_handle], [], [], timeout)
    assert ready, "the exit was not noticed"
    ending = child.ending()
    assert ending is not None
    return ending


# --- the contract, for both ---


def test_a_living_child_has_no_ending_and_is_its_own_first_member(host: Host, started: list[Child]) -> None:
    child = host.spawn(command("sleep", "1000"))
    started.append(child)
    assert child.ending() is None
    assert child.members()[0] == child.id


def test_a_signal_ends_it_and_the_handle_says_so(host: Host, started: list[Child]) -> None:
    child = host.spawn(command("sleep", "1000"))
    started.append(child)
    child.signal("TERM")
    assert ended(child) == Ending(signal="TERM")
    assert child.members() == ()


def test_a_missing_program_is_a_spawn_error_that_names_it(host: Host) -> None:
    with pytest.raises(SpawnError, match="surely-not-there not found") as caught:
        host.spawn(command("surely-not-there"))
    assert caught.value.is_missing


def test_releasing_twice_is_harmless(host: Host) -> None:
    child = host.spawn(command("sleep", "1000"))
    child.signal("KILL")
    ended(child)
    child.release()
    child.release()
    os.close(child.output)


# --- only real ---


@pytest.fixture
def real() -> Host:
    return this_host(RUN)


def test_the_exit_code_is_known_without_reaping(real: Host, started: list[Child]) -> None:
    child = real.spawn(command("sh", "-c", "exit 7"))
    started.append(child)
    assert ended(child) == Ending(code=7)
    assert process_facts.kin(child.id.pid) is not None  # the zombie keeps the pid ours


def test_the_child_leads_a_session_of_its_own_and_carries_the_tags(real: Host, started: list[Child]) -> None:
    child = real.spawn(command("sleep", "1000"))
    started.append(child)
    entry = process_facts.kin(child.id.pid)
    assert entry is not None
    assert (entry.session, entry.group) == (child.id.pid, child.id.pid)
    # the kernel lets us go on a moment before the new program's environment can be read
    assert eventually(lambda: tree.service_of(child.id.pid) == "svc")
    assert tagged(RUN) == [child.id.pid]


@pytest.mark.parametrize(
    ("content", "mode", "expected"),
    [("echo", 0o600, "permission denied"), ("#!/no/such/interpreter\n", 0o700, "interpreter")],
)
def test_what_cannot_be_executed_is_explained(
    real: Host, tmp_path: Path, content: str, mode: int, expected: str
) -> None:
    script = tmp_path / "script"
    script.write_text(content)
    script.chmod(mode)
    with pytest.raises(SpawnError, match=expected):
        real.spawn(command("./script", cwd=tmp_path))


def test_a_missing_folder_is_not_mistaken_for_a_missing_program(real: Host, tmp_path: Path) -> None:
    with pytest.raises(SpawnError, match=r"folder .* does not exist") as caught:
        real.spawn(command("sleep", "1", cwd=tmp_path / "gone"))
    assert not caught.value.is_missing


def test_too_many_open_files_is_one_clear_sentence(tmp_path: Path) -> None:
    program = f"""
import os, resource, sys
sys.path.insert(0, {str(Path.cwd())!r})
from pathlib import Path
from devstack.host.base import Command, SpawnError, this_host
host = this_host("0000emfile000000")
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 1,) * 2)
try:
    host.spawn(Command(argv=("true",), cwd=Path("/"), env={{}}))
except SpawnError as problem:
    print(problem.reason)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert "too many open files" in done.stdout, done.stderr


def test_a_terminal_is_given_where_it_is_asked_for(real: Host, started: list[Child]) -> None:
    child = real.spawn(command("sh", "-c", "test -t 1 && test -t 0 && echo yes", tty=True))
    started.append(child)
    assert ended(child) == Ending(code=0)
    assert os.read(child.output, 100).strip() == b"yes"


TERMINAL = """
import fcntl, os, struct, termios
own = os.open("/dev/tty", os.O_RDWR)
rows, columns = struct.unpack("4H", fcntl.ioctl(own, termios.TIOCGWINSZ, b"." * 8))[:2]
print(os.tcgetpgrp(own) == os.getpid() == os.getsid(0))
print(rows > 0 and columns > 0)
"""


def read_all(child: Child) -> bytes:
    """What a pseudo terminal gives until its last user is gone."""
    found = b""
    with suppress(OSError):
        while data := os.read(child.output, 65536):
            found += data
    return found


def test_the_terminal_is_the_controlling_one_of_its_session_and_has_a_size(
    real: Host, started: list[Child], tmp_path: Path
) -> None:
    (tmp_path / "terminal.py").write_text(TERMINAL)
    child = real.spawn(command(sys.executable, "terminal.py", cwd=tmp_path, tty=True))
    started.append(child)
    assert ended(child) == Ending(code=0), read_all(child)
    assert read_all(child) == b"True\nTrue\n"


def test_a_program_on_a_terminal_ignores_no_signal(real: Host, started: list[Child]) -> None:
    child = real.spawn(command("cat", "/proc/self/status", tty=True))
    started.append(child)
    assert ended(child) == Ending(code=0)
    status = dict(line.split(":", 1) for line in read_all(child).decode().splitlines())
    own_of_libc = 0b11 << 31  # 32 and 33: posix_spawn, by which make starts us, leaves them ignored
    assert int(status["SigIgn"], 16) & ~own_of_libc == 0


def test_closing_the_terminal_hangs_up_its_session(real: Host, started: list[Child]) -> None:
    child = real.spawn(command("sh", "-c", "echo up; exec sleep 1000", tty=True))
    started.append(child)
    assert os.read(child.output, 100) == b"up\n"
    leader = os.dup(child.output)
    os.close(child.output)
    os.close(leader)
    assert ended(child) == Ending(signal="HUP")
    started.remove(child)
    child.release()


@pytest.mark.parametrize(("program", "reason"), [("surely-not-there", "not found"), ("./text", "permission")])
def test_a_program_for_a_terminal_that_cannot_be_started_is_named(
    real: Host, tmp_path: Path, program: str, reason: str
) -> None:
    (tmp_path / "text").write_text("no program")
    with pytest.raises(SpawnError) as problem:
        real.spawn(command(program, cwd=tmp_path, tty=True))
    assert program in problem.value.reason and reason in problem.value.reason


def run_with(program: str, folder: Path) -> tuple[str, str]:
    """Run `program` as a child of a fresh subreaper host; what it prints."""
    (folder / "tree.py").write_text(program)
    script = f"""
import os, select, sys, time
sys.path.insert(0, {str(Path.cwd())!r})
from pathlib import Path
from devstack.host.base import Command, this_host
from tests.e2e.programs import eventually
host = this_host({secrets.token_hex(8)!r})
host.adopt_orphans()
child = host.spawn(Command(argv=(sys.executable, "-u", "tree.py"), cwd=Path({str(folder)!r}), env={{}}, tag="svc"))
os.read(child.output, 100)
print(len(child.members()))
child.signal("TERM")
select.select([child.exit_handle], [], [], 60)
print(len(child.members()))
child.signal("KILL")
print(eventually(lambda: not child.members()))
child.release()
host.reap()
print(len(host.strays()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    return done.stdout, done.stderr


# As ESCAPED, and it empties its environment as well: nothing but its mark tells whose it is.
NAMELESS = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        program = "import signal, time; signal.signal(15, signal.SIG_IGN); open('nameless', 'w'); time.sleep(1000)"
        os.execve(sys.executable, [sys.executable, "-ISc", program], {})
    os._exit(0)
os.wait()
while not os.path.exists("nameless"): time.sleep(0.01)
print("away", flush=True)
time.sleep(1000)
"""
# Its first thread ends, as those of a large program do first of all; a second one works on and has a child.
HALF_ENDED = """
import ctypes, platform, subprocess, threading, time
threading.Thread(target=time.sleep, args=(1000,)).start()
subprocess.Popen(["sleep", "1000"], start_new_session=True, env={})
print("up", flush=True)
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
"""


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64"), reason="needs the number of a system call"
)
def test_a_process_whose_first_thread_ended_still_has_its_children(
    real: Host, started: list[Child], tmp_path: Path
) -> None:
    (tmp_path / "half.py").write_text(HALF_ENDED)
    child = real.spawn(command(sys.executable, "half.py", cwd=tmp_path))
    started.append(child)
    assert os.read(child.output, 100) == b"up\n"
    stat = Path(f"/proc/{child.id.pid}/stat")
    assert eventually(lambda: stat.read_text().rpartition(")")[2].split()[0] == "Z")
    assert len(child.members()) == 2


def test_each_start_has_a_mark_of_its_own_and_we_keep_ours(real: Host, started: list[Child]) -> None:
    own = lineage.mark_of(os.getpid())
    marks = []
    for _ in range(2):
        started.append(real.spawn(command("sleep", "1000")))
        marks.append(lineage.mark_of(started[-1].id.pid))
    assert marks == [lineage.mark(RUN, 1), lineage.mark(RUN, 2)]
    assert lineage.mark_of(os.getpid()) == own


def test_what_another_thread_asks_is_left_to_that_thread(
    real: Host, spawned: list[subprocess.Popen[bytes]]
) -> None:
    asked = subprocess.Popen(["sh", "-c", "exit 3"])
    spawned += [asked, subprocess.Popen(["sleep", "1000"])]
    os.waitid(os.P_PID, asked.pid, os.WEXITED | os.WNOWAIT)
    real.reap()
    assert asked.wait() == 3
    assert real.strays() == ()


def test_what_a_run_left_is_known_by_its_mark_alone(started: list[Child]) -> None:
    run = secrets.token_hex(8)
    sleep = shutil.which("sleep") or "sleep"
    started.append(this_host(run).spawn(command("env", "-i", sleep, "1000")))
    pid = started[-1].id.pid
    assert eventually(lambda: command_line(pid).startswith((os.fsencode(sleep), b"sleep")))
    assert tagged(run) == []
    assert tree.of_run(run) == [pid]
    assert tree.of_run("0000another00000") == []


@pytest.mark.parametrize(
    "program", [STUBBORN_MEMBER, ESCAPED, NAMELESS], ids=["group", "session", "nameless"]
)
def test_members_that_outlive_the_leader_are_found_and_killed(tmp_path: Path, program: str) -> None:
    out, problems = run_with(program, tmp_path)
    assert out.split() == ["2", "1", "True", "0"], problems


def test_a_recycled_pid_is_not_signalled(real: Host, spawned: list[subprocess.Popen[bytes]]) -> None:
    innocent = subprocess.Popen(["sleep", "1000"])
    spawned.append(innocent)
    entry = process_facts.kin(innocent.pid)
    assert entry is not None
    other = type(entry.id)(pid=entry.id.pid, started_at=entry.id.started_at - 1)
    real.end((other,), "KILL")
    real.end((entry.id,), "TERM")
    assert innocent.wait() == -15
