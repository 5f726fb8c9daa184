"""ps, logs, wait, restart, stop, start and down against a real running stack."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.conftest import Outcome
from tests.e2e.conftest import Run
from tests.e2e.pair import is_alive, services, stack
from tests.e2e.programs import eventually, python, toml

pytestmark = pytest.mark.e2e

Tree = Callable[[Mapping[str, str | bytes]], Path]
Command = Callable[..., Outcome]
Up = Callable[..., Run]
Piped = Callable[..., subprocess.Popen[bytes]]


def test_ps_tells_every_service_in_the_order_of_the_start(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    port = free_port()
    folder = tree(stack(port))
    run = up("--no-doctor", cwd=folder)
    started = run.until("service.started", service="server")
    run.until("run.ready")
    found = services(devstack, folder)
    assert list(found) == ["server", "worker"]
    server = found["server"]
    assert set(server) == {
        "name",
        "phase",
        "generation",
        "pid",
        "port",
        "since",
        "restarts",
        "waiting_for",
        "last_probe",
    }
    assert (server["phase"], server["pid"], server["port"]) == ("ready", started["pid"], port)
    assert server["last_probe"]["ok"] is True
    table = devstack("ps", cwd=folder).out.splitlines()
    assert table[0].split()[:5] == ["SERVICE", "PHASE", "SINCE", "PID", "PORT"]
    assert table[1].split()[:2] == ["server", "ready"]
    assert str(port) in table[1]


def test_ps_says_why_a_service_waits(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    folder = tree({**stack(free_port()), "server.py": "import time; time.sleep(600)"})
    run = up("--no-doctor", cwd=folder)
    run.until("service.probe_failed", service="server")
    found = services(devstack, folder)
    assert found["worker"]["waiting_for"] == ["server"]
    assert found["server"]["phase"] == "starting"
    assert found["server"]["last_probe"]["ok"] is False
    text = devstack("ps", cwd=folder).out
    assert "waits for server" in text
    assert found["server"]["last_probe"]["detail"] in text


def test_restart_gives_a_new_process_and_waits_for_its_gate(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    folder = tree(stack(free_port()))
    up("--no-doctor", cwd=folder).until("run.ready")
    before = services(devstack, folder)
    done = devstack("restart", "server", cwd=folder)
    assert done.code == 0, done.err
    assert "server is ready" in done.out
    after = services(devstack, folder)
    assert after["server"]["phase"] == "ready"
    assert after["server"]["pid"] != before["server"]["pid"]
    assert not is_alive(before["server"]["pid"])


def test_stop_and_start(tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]) -> None:
    folder = tree(stack(free_port()))
    up("--no-doctor", cwd=folder).until("run.ready")
    pid = services(devstack, folder)["worker"]["pid"]
    assert devstack("stop", "worker", cwd=folder).code == 0
    assert not is_alive(pid)
    stopped = services(devstack, folder)["worker"]
    assert (stopped["phase"], stopped["pid"]) == ("stopped", None)
    assert devstack("wait", "worker", cwd=folder).code == 4
    assert devstack("wait", "worker:stopped", cwd=folder).code == 0
    assert devstack("start", "worker", cwd=folder).code == 0
    assert services(devstack, folder)["worker"]["phase"] == "ready"
    assert "already ready" in devstack("start", "worker", cwd=folder).out


def test_restart_all_restarts_all(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    folder = tree(stack(free_port()))
    up("--no-doctor", cwd=folder).until("run.ready")
    before = services(devstack, folder)
    assert devstack("restart", "--all", cwd=folder).code == 0
    after = services(devstack, folder)
    assert all(after[name]["pid"] != before[name]["pid"] for name in after)
    assert all(one["phase"] == "ready" for one in after.values())


def test_a_restart_that_fails_says_why_and_exits_4(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    folder = tree(stack(free_port(), 'restart = "never"'))
    up("--no-doctor", cwd=folder).until("run.ready")
    (folder / "worker.py").write_text("raise SystemExit(3)")
    done = devstack("restart", "worker", cwd=folder)
    assert done.code == 4
    assert "exited 3" in done.err


def test_wait_answers_ready_failed_and_timed_out(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    files = stack(free_port(), 'restart = "never"')
    slow = (
        f'[services.slow]\ntype = "command"\ncommand = "{sys.executable} worker.py"\nport = {free_port()}\n'
    )
    folder = tree({**files, "stack.toml": f"{files['stack.toml']!s}{slow}"})
    up("--no-doctor", cwd=folder).until("service.started", service="slow")
    assert devstack("wait", "server:ready", "--timeout", "30s", cwd=folder).code == 0
    late = devstack("wait", "slow", "--timeout", "200ms", cwd=folder)
    assert late.code == 124
    assert "still starting" in late.err
    assert devstack("wait", "nobody", cwd=folder).code == 2
    assert devstack("wait", "slow:asleep", cwd=folder).code == 2
    assert devstack("wait", "slow", "--timeout", "soon", cwd=folder).code == 2


def test_logs_work_while_the_stack_runs_and_after(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    folder = tree(stack(free_port()))
    run = up("--no-doctor", cwd=folder)
    while "job 2" not in run.until("service.output", service="worker")["text"]:
        pass
    during = devstack("logs", cwd=folder)
    assert run.interrupt() == 130
    after = devstack("logs", cwd=folder)
    for done in (during, after):
        assert done.code == 0
        lines = done.out.splitlines()
        assert lines[0].startswith("server | server of process")
        assert lines[1:] == ["worker | job 0", "worker | job 1", "worker | job 2"]
    assert devstack("logs", "worker", "--grep", "job [12]", cwd=folder).out.splitlines() == [
        "worker | job 1",
        "worker | job 2",
    ]
    assert devstack("logs", "worker", "--no-prefix", cwd=folder).out == "job 0\njob 1\njob 2\n"
    assert devstack("logs", "--since", "1h", "worker", cwd=folder).out.count("job 0") == 1
    assert devstack("logs", "--since", "1ms", cwd=folder).out == ""


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(("--since", "yesterday"), "--since"), (("--grep", "("), "--grep"), (("serverr",), "did you mean")],
)
def test_a_wrong_question_about_logs_is_answered_with_what_is_wrong(
    tree: Tree, devstack: Command, arguments: tuple[str, ...], word: str
) -> None:
    folder = tree({"stack.toml": 'name = "x"\n'})
    logs = folder / ".devstack" / "logs"
    logs.mkdir(parents=True)
    (logs / "server.log").write_text("one\n")
    done = devstack("logs", *arguments, cwd=folder)
    assert done.code == 2
    assert word in done.err.lower()


def test_the_log_of_a_setup_step_belongs_to_its_service(tree: Tree, devstack: Command) -> None:
    folder = tree(
        {
            "stack.toml": 'name = "x"\n',
            ".devstack/logs/web.log": "page\n",
            ".devstack/logs/web.setup.log": "added 3 packages\n",
            ".devstack/logs/ws.log": "socket\n",
        }
    )
    assert sorted(devstack("logs", "web", "--since", "1h", cwd=folder).out.splitlines()) == [
        "web | added 3 packages",
        "web | page",
    ]


def test_following_ends_when_its_reader_leaves_although_services_are_silent(
    tree: Tree, up: Up, free_port: Callable[[], int], piped: Piped
) -> None:
    folder = tree(stack(free_port()))
    up(cwd=folder).until("run.ready")
    follower = piped("logs", "-f", cwd=folder)
    assert follower.stdout
    assert follower.stdout.readline()
    follower.stdout.close()
    assert follower.wait() == 0


def following(folder: Path, piped: Piped) -> subprocess.Popen[bytes]:
    """`devstack logs -f` in `folder`, when it has shown what `server` wrote first."""
    follower = piped("logs", "-f", cwd=folder)
    assert follower.stdout
    assert follower.stdout.readline().startswith(b"server | server of process")
    return follower


def test_following_ends_with_the_run(
    tree: Tree,
    devstack: Command,
    up: Up,
    free_port: Callable[[], int],
    piped: Piped,
) -> None:
    folder = tree(stack(free_port()))
    run = up("--no-doctor", cwd=folder)
    run.until("run.ready")
    follower = following(folder, piped)
    assert follower.stdout
    assert devstack("restart", "server", cwd=folder).code == 0
    while not (line := follower.stdout.readline()).startswith(b"server | server of process"):
        assert line, "the follower ended before it showed the new process"
    assert run.interrupt() == 130
    assert follower.wait() == 0


def test_who_follows_a_run_that_is_killed_is_told_so(
    tree: Tree, up: Up, free_port: Callable[[], int], piped: Piped
) -> None:
    folder = tree(stack(free_port()))
    run = up("--no-doctor", cwd=folder)
    run.until("run.ready")
    follower = following(folder, piped)
    run.process.send_signal(signal.SIGKILL)
    _, errors = follower.communicate()
    assert follower.returncode == 6
    assert b"the run ended unexpectedly" in errors


def test_who_still_reads_what_was_written_when_the_run_is_killed_is_told_so(
    tree: Tree, up: Up, piped: Piped
) -> None:
    code = (
        "for i in range(40000): print('x' * 99)\nprint('written', flush=True)\nimport time; time.sleep(1000)"
    )
    folder = tree({"loud.py": code, "stack.toml": toml({"loud": {"command": python("loud.py")}})})
    run = up("--no-doctor", cwd=folder)
    log = folder / ".devstack" / "logs" / "loud.log"
    assert eventually(lambda: log.exists() and log.read_bytes().endswith(b"written\n"))
    follower = piped("logs", "-f", cwd=folder)
    assert follower.stdout
    assert follower.stdout.readline()
    run.process.send_signal(signal.SIGKILL)  # 3 of 4 MB have still to be read
    run.process.wait()
    _, errors = follower.communicate()
    assert (follower.returncode, b"the run ended unexpectedly" in errors) == (6, True)


@pytest.mark.parametrize(
    "command", [("ps",), ("restart", "web"), ("stop", "web"), ("start", "web"), ("wait", "web")]
)
def test_without_a_run_every_command_says_so(tree: Tree, devstack: Command, command: tuple[str, ...]) -> None:
    done = devstack(*command, cwd=tree({"stack.toml": 'name = "x"\n'}))
    assert done.code == 6
    assert "no stack is running" in done.err
    assert "devstack up" in done.err


def test_json_is_json_also_without_a_run(tree: Tree, devstack: Command) -> None:
    done = devstack("ps", "--json", cwd=tree({"stack.toml": 'name = "x"\n'}))
    assert (done.code, json.loads(done.out)["error"]["kind"]) == (6, "not-running")


def test_logs_without_any_run_say_so(tree: Tree, devstack: Command) -> None:
    done = devstack("logs", cwd=tree({"stack.toml": 'name = "x"\n'}))
    assert done.code == 6
    assert "no logs" in done.err


def test_a_request_without_a_service_is_a_usage_error(tree: Tree, devstack: Command) -> None:
    assert devstack("restart", cwd=tree({"stack.toml": 'name = "x"\n'})).code == 2


def test_wait_gives_a_run_that_only_begins_a_moment(
    tree: Tree, devstack: Command, up: Up, free_port: Callable[[], int]
) -> None:
    folder = tree(stack(free_port()))
    up("--no-doctor", cwd=folder)
    end = time.monotonic() + 60
    while devstack("wait", "worker", "--timeout", "60s", cwd=folder).code != 0:
        assert time.monotonic() < end  # a very slow machine needs more than the moment that `wait` gives


@pytest.mark.parametrize("lines", [1, 8])
def test_who_stops_reading_a_start_in_the_background_does_not_stop_it(
    tree: Tree, piped: Piped, devstack: Command, free_port: Callable[[], int], lines: int
) -> None:
    folder = tree(stack(free_port()))
    process = piped("up", "--wait", "--no-doctor", cwd=folder)
    assert process.stdout
    assert process.stderr
    for _ in range(lines):
        process.stdout.readline()
    process.stdout.close()
    try:
        assert process.wait() == 0
        assert b"Traceback" not in process.stderr.read()
        assert {one["phase"] for one in services(devstack, folder).values()} == {"ready"}
    finally:
        devstack("down", cwd=folder)
