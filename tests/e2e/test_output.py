"""Output of real services through the real command: what reaches the screen, the log files and the events."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.conftest import Outcome, clean_environment
from tests.e2e.conftest import Run
from tests.e2e.programs import eventually

pytestmark = pytest.mark.e2e

Tree = Callable[[Mapping[str, str | bytes]], Path]
Command = Callable[..., Outcome]
Up = Callable[..., Run]
Piped = Callable[..., subprocess.Popen[bytes]]

DONE = ("up", "--no-doctor", "--exit-when-done")


def stack(**programs: str) -> dict[str, str | bytes]:
    """A stack of one-shot Python programs, one for each name."""
    files: dict[str, str | bytes] = {f"{name}.py": code for name, code in programs.items()}
    services = "".join(
        f'[services.{name}]\ntype = "command"\ncommand = "{sys.executable} {name}.py"\noneshot = true\n'
        for name in programs
    )
    return {"stack.toml": f'name = "out"\n{services}', **files}


def lines_of(text: str, service: str) -> list[str]:
    """What a service wrote, from a console's text."""
    found = re.findall(rf"^{service} *[|│] ?(.*)$", text, re.MULTILINE)
    return [line.rstrip("\r") for line in found]


def log(folder: Path, service: str) -> bytes:
    return (folder / ".devstack" / "logs" / f"{service}.log").read_bytes()


@pytest.mark.parametrize("ending", ["", "\n"])
def test_the_last_words_before_the_exit_are_kept(tree: Tree, devstack: Command, ending: str) -> None:
    code = (
        "import os\n"
        "for i in range(20000): os.write(1, b'%d filler\\n' % i)\n"
        f"os.write(1, {('last words' + ending).encode()!r})\n"
    )
    folder = tree(stack(one=code, two=code))
    done = devstack(*DONE, cwd=folder)
    assert done.code == 0, done.err
    for service in ("one", "two"):
        assert lines_of(done.out, service) == [*(f"{i} filler" for i in range(20000)), "last words"]
        assert log(folder, service).endswith(b"19999 filler\nlast words" + ending.encode())


def test_a_program_that_crashes_shows_what_it_said_last(tree: Tree, devstack: Command) -> None:
    folder = tree(stack(one="print('before', flush=True)\nraise SystemExit('no database')"))
    done = devstack(*DONE, cwd=folder)
    assert done.code == 4
    assert "no database" in lines_of(done.out, "one")
    cause = done.out.index("exited 1")
    assert "no database" in done.out[cause:], "the last lines stand below the cause"


NASTY = """
import os
os.write(1, b'invalid \\xff\\xfe utf-8\\n')
os.write(1, 'para\\u2028graph and \\u0085 next line\\n'.encode())
os.write(1, b'vertical\\x0btab\\n')
os.write(1, b'[bold]brackets[/bold] stay\\n')
os.write(1, b'\\x1b[2J\\x1b[H\\x1bc\\x1b[?1049hcleared\\n')
os.write(1, b'10%\\r50%\\r100%\\n')
os.write(1, b'\\x1b[31mred\\x1b[0m\\n')
"""


def test_no_service_can_wreck_the_lines_of_others(tree: Tree, devstack: Command) -> None:
    folder = tree(stack(one=NASTY))
    done = devstack(*DONE, cwd=folder)
    assert lines_of(done.out, "one") == [
        "invalid \ufffd\ufffd utf-8",
        "para\u2028graph and  next line",
        "vertical tab",
        "[bold]brackets[/bold] stay",
        "cleared",
        "100%",
        "red",
    ]
    assert "\x1b" not in done.out
    assert b"\x1b[2J\x1b[H" in log(folder, "one"), "the log keeps what was written"


def test_colours_can_be_asked_for_and_refused(tree: Tree, devstack: Command) -> None:
    folder = tree(stack(one=NASTY))
    forced = devstack(*DONE, cwd=folder, env={"FORCE_COLOR": "1"}).out
    assert "\x1b[31mred" in forced
    assert not re.search(r"\x1b\[[0-9;?]*[A-HJKSThl]|\x1bc", forced)
    assert "\x1b" not in devstack(*DONE, cwd=folder, env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).out


def test_a_huge_line_is_complete_in_the_log_and_holds_nobody_up(tree: Tree, devstack: Command) -> None:
    huge = "import os\nfor _ in range(10): os.write(1, b'x' * 1_000_000)\nos.write(1, b'\\nafter\\n')"
    folder = tree(stack(huge=huge, other="print('hello')"))
    done = devstack(*DONE, cwd=folder)
    assert done.code == 0, done.err
    assert log(folder, "huge") == b"x" * 10_000_000 + b"\nafter\n"
    assert lines_of(done.out, "other") == ["hello"]
    assert lines_of(done.out, "huge")[-1] == "after"


SECRET = "s3cr3t-value-for-this-test-9f8e7d6c5b4a"

TELLS = """
import base64, os, time
secret = os.environ['APP_SECRET']
print('plain', secret, flush=True)
print('encoded', base64.b64encode(secret.encode()).decode(), flush=True)
print('url http://x/?token=abc123def456ghi', flush=True)
half = len(secret) // 2
os.write(1, ('split ' + secret[:half]).encode())
time.sleep(0.5)
os.write(1, (secret[half:] + ' end\\n').encode())
"""


@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_no_secret_reaches_screen_events_or_log(
    tree: Tree, devstack: Command, extra: tuple[str, ...]
) -> None:
    folder = tree({**stack(one=TELLS), ".env": f"APP_SECRET={SECRET}\n"})
    done = devstack(*DONE, *extra, cwd=folder)
    assert done.code == 0, done.out + done.err
    for text in (done.out, done.err, log(folder, "one").decode()):
        assert SECRET not in text
        assert base64.b64encode(SECRET.encode()).decode() not in text
        assert "abc123def456ghi" not in text
        assert SECRET[: len(SECRET) // 2] not in text
    assert b"split [redacted] end\n" in log(folder, "one")
    everything = b"".join(path.read_bytes() for path in (folder / ".devstack").rglob("*") if path.is_file())
    assert SECRET.encode() not in everything


BORROWS = """
import os, time
def read(): return open('late.env').read().strip().split('=')[1]
old = read()
print('first', old, flush=True)
while not os.path.exists('go'): time.sleep(0.01)
print('then', old, read(), flush=True)
time.sleep(600)
"""


def test_a_secret_of_another_service_is_hidden_before_that_one_starts_and_after_it_changed(
    tree: Tree, up: Up
) -> None:
    files = stack(early=BORROWS, late="import time\ntime.sleep(600)")
    files["stack.toml"] = (
        str(files["stack.toml"])
        .replace("oneshot = true\n", "")
        .replace(
            "[services.late]",
            '[services.late]\ndepends_on = ["early"]\nenv = { files = ["late.env"] }',
        )
    )
    folder = tree({**files, "late.env": f"APP_SECRET={SECRET}\n"})
    run = up("--no-doctor", cwd=folder)
    assert run.until("service.output", service="early")["text"] == "first [redacted]\n"
    run.until("run.ready")
    changed = SECRET[::-1]
    (folder / "late.env").write_text(f"APP_SECRET={changed}\n")
    run.until("env.changed")
    (folder / "go").touch()
    assert run.until("service.output", service="early")["text"] == "then [redacted] [redacted]\n"
    assert run.interrupt() == 130
    kept = b"".join(path.read_bytes() for path in (folder / ".devstack").rglob("*") if path.is_file())
    assert SECRET.encode() not in kept
    assert changed.encode() not in kept


def test_a_prompt_without_a_newline_is_seen_while_the_program_waits(tree: Tree, up: Up) -> None:
    code = "import os, time\nos.write(1, b'Name? ')\ntime.sleep(600)"
    run = up("--no-doctor", cwd=tree(stack(one=code)))
    assert run.until("service.output")["text"] == "Name? "
    assert run.interrupt() == 130


class Terminal:
    """`devstack up` on a pseudo terminal; `read()` begins to take what it shows."""

    def __init__(self, folder: Path, *argv: str, env: Mapping[str, str] | None = None) -> None:
        self.leader, follower = pty.openpty()
        self.before = termios.tcgetattr(follower)
        self._follower = follower
        self.process = subprocess.Popen(
            [sys.executable, "-m", "devstack", *argv],
            cwd=folder,
            env=clean_environment({"TERM": "xterm-256color", **(env or {})}),
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
        )
        self._shown: list[bytes] = []
        self._thread = threading.Thread(target=self._take, daemon=True)

    def read(self) -> None:
        self._thread.start()

    def _take(self) -> None:
        while True:
            try:
                data = os.read(self.leader, 65536)
            except OSError:
                return
            self._shown.append(data)

    @property
    def shown(self) -> str:
        return b"".join(self._shown).decode("utf-8", "replace").replace("\r\n", "\n")

    def until(self, text: str) -> None:
        assert eventually(lambda: text in self.shown), self.shown[-2000:]

    def settings(self) -> list[object]:
        return list(termios.tcgetattr(self._follower))

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._follower)
        if self._thread.is_alive():
            self._thread.join(60)
        os.close(self.leader)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(folder: Path, *argv: str, env: Mapping[str, str] | None = None) -> Terminal:
        opened.append(Terminal(folder, *argv, env=env))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_a_terminal_that_takes_nothing_holds_no_service_up(
    tree: Tree, terminal: Callable[..., Terminal]
) -> None:
    code = (
        "import os\n"
        "for i in range(100000): os.write(1, b'%06d ' % i + b'x' * 92 + b'\\n')\n"
        "open('finished', 'w').close()\n"
    )
    folder = tree(stack(loud=code))
    shown = terminal(folder, *DONE)
    assert eventually((folder / "finished").exists), "the service is held up by the terminal"
    shown.read()
    assert shown.process.wait() == 0
    shown.until("lines not shown here")
    kept = log(folder, "loud").splitlines()
    assert [line[:6] for line in kept] == [b"%06d" % i for i in range(100000)]


def test_who_reads_late_is_told_what_is_missing_and_gets_the_end(tree: Tree, piped: Piped) -> None:
    code = "import os\nfor i in range(1000): os.write(1, (b'%07d ' % i + b'x' * 91 + b'\\n') * 100)"
    folder = tree(stack(loud=code))
    process = piped(*DONE, cwd=folder)
    kept = folder / ".devstack" / "logs" / "loud.log"
    is_written = lambda: kept.exists() and log(folder, "loud")[-100:-93] == b"0000999"  # noqa: E731
    assert eventually(is_written), "the service is held up by the reader"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(3)
    out, err = process.communicate()
    assert process.returncode == 0, err.decode()
    lost = re.search(r"([\d,]+) lines not shown here", out.decode())
    assert lost
    assert len(lines_of(out.decode(), "loud")) + int(lost[1].replace(",", "")) == 100_000
    assert b"Everything stopped" in out
    assert len(log(folder, "loud").splitlines()) == 100_000


def test_the_terminal_is_left_as_it_was(tree: Tree, terminal: Callable[..., Terminal]) -> None:
    code = (
        "import time\nprint('\\x1b[?25l\\x1b[?1049h\\x1b[31munfinished', end='', flush=True)\ntime.sleep(600)"
    )
    shown = terminal(tree(stack(one=code)), "up", "--no-doctor")
    shown.read()
    shown.until("unfinished")
    shown.process.send_signal(signal.SIGINT)
    assert shown.process.wait() == 130
    assert shown.settings() == list(shown.before)
    shown.until("Everything stopped")
    assert "\x1b[?25l" not in shown.shown
    assert "\x1b[?1049h" not in shown.shown
    assert shown.shown.rfind("\x1b[0m") > shown.shown.rfind("\x1b[31m")


def test_who_reads_nothing_does_not_hold_up_down(tree: Tree, devstack: Command, piped: Piped) -> None:
    code = (
        "import os, time\n"
        "for i in range(40000): os.write(1, b'x' * 99 + b'\\n')\n"
        "open('finished', 'w').close()\n"
        "time.sleep(600)\n"
    )
    folder = tree(stack(loud=code))
    # Who waits for the reader as a run does that ends by itself waits for ever.
    (folder / "patch").mkdir()
    (folder / "patch" / "sitecustomize.py").write_text(
        "import devstack.views.feed as feed\nfeed.CLOSING_LIMIT = 1000.0\n"
    )
    process = piped("up", "--no-doctor", cwd=folder, env={"PYTHONPATH": str(folder / "patch")})
    assert eventually((folder / "finished").exists)
    done = devstack("down", cwd=folder)
    assert done.code == 0, done.err
    assert process.wait() == 0


@pytest.mark.parametrize("extra", [(), ("--json",)])
def test_who_reads_no_longer_ends_the_run_in_order(tree: Tree, piped: Piped, extra: tuple[str, ...]) -> None:
    code = (
        "import os, signal, sys, time\n"
        "def stop(*_):\n    open('stopped', 'w').close()\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "while True:\n    print('line', flush=True)\n    time.sleep(0.02)\n"
    )
    folder = tree(stack(one=code))
    process = piped("up", "--no-doctor", *extra, cwd=folder)
    assert process.stdout
    assert process.stderr
    while b"line" not in process.stdout.readline():
        pass
    process.stdout.close()
    assert process.wait() == 0
    assert b"Traceback" not in process.stderr.read()
    assert (folder / "stopped").exists()


def test_a_disk_that_takes_no_more_does_not_end_the_run(tree: Tree, piped: Piped) -> None:
    folder = tree(stack(one="for i in range(3000): print(f'{i:04} ' + 'x' * 94)"))
    process = piped(
        *DONE,
        cwd=folder,
        env={"PYTHONDONTWRITEBYTECODE": "1"},  # Python would keep half of a large module for all
        through=("sh", "-c", 'ulimit -f 64; exec "$@"', "sh"),  # no file may grow beyond 64 * 512 bytes
    )
    out, err = process.communicate()
    assert process.returncode == 0, err.decode()
    assert [line[:4] for line in lines_of(out.decode(), "one")] == [f"{i:04}" for i in range(3000)]
    assert err.decode().count("log files will not be complete") == 1


def test_a_folder_that_takes_no_files_does_not_prevent_the_run(
    tree: Tree, devstack: Command, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    # A folder in place of the lock file fails for root, too, unlike permissions.
    folder = tree({**stack(one="print('hello')"), ".devstack/lock/x": "", "elsewhere/x": ""})
    done = devstack(*DONE, cwd=folder, env={"TMPDIR": str(elsewhere)})
    assert done.code == 0, done.err
    assert lines_of(done.out, "one") == ["hello"]
    assert done.err.count("cannot be written") == 1
    assert [path.read_bytes() for path in elsewhere.rglob("one.log")] == [b"hello\n"]


def test_a_background_run_that_nobody_could_find_again_is_refused(tree: Tree, devstack: Command) -> None:
    folder = tree({**stack(one="print('hello')"), ".devstack/lock/x": ""})
    done = devstack("up", "--no-doctor", "--wait", cwd=folder)
    assert done.code == 6
    assert "a run in the background needs it" in done.err
    assert "hello" not in done.out


def test_no_line_is_told_before_the_start_of_its_service(tree: Tree, devstack: Command) -> None:
    names = [f"s{number}" for number in range(8)]
    services = "".join(
        f'[services.{name}]\ntype = "command"\ncommand = "echo hello"\noneshot = true\n' for name in names
    )
    done = devstack(*DONE, "--json", cwd=tree({"stack.toml": services}))
    events = [json.loads(line) for line in done.out.splitlines()]
    told = [(one["event"], one.get("service")) for one in events]
    for name in names:
        assert told.index(("service.started", name)) < told.index(("service.output", name))
