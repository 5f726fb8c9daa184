from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from devstack.host.aside import Aside
from devstack.host.private_folder import PrivateFolder
from devstack.host.run_lock import Lock
from tests.e2e.programs import eventually


def test_the_answer_comes_from_another_process() -> None:
    assert Aside(os.getpid).answer() != os.getpid()


def test_it_is_plain_data_of_any_size() -> None:
    answer = (3, "text" * 100_000, frozenset({("rule", None)}), {"a": [1.5]})
    assert Aside(lambda: answer).answer() == answer


def test_we_go_on_while_it_thinks(tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    aside = Aside(lambda: eventually(go_on.exists))
    go_on.touch()
    assert aside.answer() is True


def test_the_copy_keeps_no_lock_of_ours(tmp_path: Path) -> None:
    folder, own, go_on = PrivateFolder(tmp_path), os.getpid(), tmp_path / "go-on"
    lock = Lock(folder)
    assert lock.acquire() is None
    aside = Aside(lambda: eventually(go_on.exists, 100) and os.getpid() != own)
    lock.release()
    assert eventually(lambda: Lock(folder).acquire() is None)
    go_on.touch()
    assert aside.answer() is True


def test_a_copy_that_is_killed_has_not_answered() -> None:
    own = os.getpid()

    def question() -> str:
        if os.getpid() != own:
            os.kill(os.getpid(), signal.SIGKILL)
        return "asked here"

    assert Aside(question).answer() == "asked here"


def test_an_exception_is_raised_here() -> None:
    def question() -> int:
        raise KeyError("x")

    try:
        Aside(question).answer()
    except KeyError as problem:
        assert problem.args == ("x",)
    else:
        raise AssertionError("nothing was raised")


def test_beside_another_thread_nothing_is_copied() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert Aside(os.getpid).answer() == os.getpid()
    finally:
        stop.set()
        thread.join()


def test_the_copy_writes_nothing_that_waits_in_our_buffers_and_leaves_no_zombie() -> None:
    program = (
        "import os, sys; from devstack.host.aside import Aside\n"
        "sys.stdout.write('once'); Aside(os.getpid).answer()\n"
        "try: os.waitpid(-1, 0)\n"
        "except ChildProcessError: sys.stdout.write(' reaped')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("once reaped", "")
