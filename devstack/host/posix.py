"""Linux and macOS: sessions, process groups, pidfd where there is one, orphans adopted where possible."""

from __future__ import annotations

import errno
import os
import signal
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from devstack.host import process_facts
from devstack.host.base import Command, Ending, SpawnError
from devstack.host.lineage import marked
from devstack.host.model import ProcessId
from devstack.host.process_facts import IS_LINUX, RUN_TAG, SERVICE_TAG
from devstack.host.pump import output_pipe
from devstack.host.tree import Trees

_PR_SET_CHILD_SUBREAPER = 36


class PosixHost:
    """Starts processes as leaders of their own sessions and finds all that hangs below them."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.trees = Trees(run)

    def adopt_orphans(self) -> None:
        """Ask the kernel to make orphaned descendants our children (Linux only; else nothing happens)."""
        if IS_LINUX:
            import ctypes

            with suppress(OSError, AttributeError):
                ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def set_apart(self, pid: int) -> None:
        """Never count `pid` as a stray."""
        self.trees.add_apart(pid)

    def spawn(self, command: Command) -> PosixChild:
        """Start `command` in a new session, tagged, its output in a pipe or a pseudo terminal of its own."""
        try:
            argv = _with_terminal(command) if command.tty else command.argv
            reading, writing = _terminal() if command.tty else output_pipe()
        except OSError as problem:
            raise SpawnError(_reason(problem, command), is_missing=_is_missing(problem, command)) from None
        mark = self.trees.next_mark()
        try:
            with marked(mark):
                process = self._start(argv, command, writing)
        except (OSError, ValueError) as problem:
            os.close(reading)
            raise SpawnError(_reason(problem, command), is_missing=_is_missing(problem, command)) from None
        finally:
            os.close(writing)
        self.trees.add(process.pid, command.tag, mark)
        try:
            return PosixChild(self, process, reading, tty=command.tty)
        except OSError as problem:  # no descriptor left to follow it with: it must not live unseen
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.trees.remove(process.pid)
            os.close(reading)
            raise SpawnError(_reason(problem, command)) from None

    def _start(self, argv: tuple[str, ...], command: Command, writing: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            argv,
            cwd=command.cwd,
            env={**command.env, RUN_TAG: self.run, SERVICE_TAG: command.tag},
            stdin=writing if command.tty else subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            start_new_session=True,
        )

    def reap(self) -> None:
        """Collect adopted zombies; children that we started ourselves are left to their owner."""
        for pid in self.trees.unknown_children():
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    def strays(self) -> tuple[ProcessId, ...]:
        """Adopted processes without a known leader."""
        self.reap()
        return self.trees.strays()

    def end(self, processes: tuple[ProcessId, ...], name: str) -> None:
        """Signal each one, by a handle that cannot mean a later process of the same pid."""
        for process in processes:
            for number in _numbers(name):
                send(process, number)


class PosixChild:
    """A leader, its session, and everything below it."""

    def __init__(self, host: PosixHost, process: subprocess.Popen[bytes], output: int, *, tty: bool) -> None:
        self._host = host
        self._process = process
        self._tty = tty
        self.output = output
        entry = process_facts.kin(process.pid)
        self.id = entry.id if entry is not None else ProcessId(pid=process.pid, started_at=0.0)
        self.exit_handle = _exit_handle(process.pid)
        self._is_released = False

    def ending(self) -> Ending | None:
        """Look without reaping: while the zombie stays, its pid and group cannot mean anybody else."""
        try:
            result = os.waitid(os.P_PID, self.id.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        except ChildProcessError:
            return Ending(code=self._process.returncode)
        if result is None:
            return None
        if result.si_code == os.CLD_EXITED:
            return Ending(code=result.si_status)
        return Ending(signal=_name(result.si_status))

    def members(self) -> tuple[ProcessId, ...]:
        """Living members of the tree."""
        return self._host.trees.members(self.id.pid)

    def signal(self, name: str) -> None:
        """The leader's group in one call, then whoever left it."""
        outside = [one for one in self.members() if _group(one.pid) != self.id.pid]
        for number in _numbers(name):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.id.pid, number)
            for process in outside:
                send(process, number)

    def resize(self) -> None:
        """Copy our terminal's size to its pseudo terminal and tell its group."""
        if self._tty:
            with suppress(OSError):
                _copy_size(self.output)
                os.killpg(self.id.pid, signal.SIGWINCH)

    def release(self) -> None:
        """Reap the leader; from now on its pid may be somebody else's."""
        if self._is_released:
            return
        self._is_released = True
        self._host.trees.remove(self.id.pid)
        os.close(self.exit_handle)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=0.05)


def send(process: ProcessId, number: int) -> None:
    """Signal exactly `process`: the handle is opened first, then its start time is compared."""
    with suppress(ProcessLookupError, PermissionError):
        if not hasattr(signal, "pidfd_send_signal"):
            if process_facts.is_alive(process):
                os.kill(process.pid, number)
            return
        handle = os.pidfd_open(process.pid)
        try:
            if process_facts.is_alive(process):
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _numbers(name: str) -> tuple[int, ...]:
    """The signal, and what lets a suspended process hear it; KILL needs no help."""
    number = int(signal.Signals[f"SIG{name}"])
    return (number,) if name == "KILL" else (number, signal.SIGCONT)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)


def _exit_handle(pid: int) -> int:
    """A pidfd; where there is none, a pipe whose writing end a waiting thread closes."""
    if hasattr(os, "pidfd_open"):
        with suppress(OSError):
            return os.pidfd_open(pid)
    reading, writing = os.pipe()

    def wait() -> None:
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        os.close(writing)

    threading.Thread(target=wait, name=f"exit of {pid}", daemon=True).start()
    return reading


_USUAL_SIZE = struct.pack("4H", 24, 80, 0, 0)


def _with_terminal(command: Command) -> tuple[str, ...]:
    """The program behind the step that takes the terminal. Raises what starting it without would raise."""
    import shutil

    program, *_ = command.argv or ("",)
    path = command.env.get("PATH", os.defpath)
    found = command.cwd / program if "/" in program else shutil.which(program, path=path)
    if not command.cwd.is_dir() or found is None or not os.path.exists(found):  # noqa: PTH110 - a str or a Path
        raise FileNotFoundError(errno.ENOENT, "not found")
    if not os.access(found, os.X_OK):
        raise PermissionError(errno.EACCES, "may not be executed")
    return (sys.executable, "-I", "-S", str(Path(__file__).with_name("tty_main.py")), *command.argv)


def _terminal() -> tuple[int, int]:
    """Both sides of a pseudo terminal of our terminal's size that passes newlines on as they are written."""
    import termios

    leader, follower = os.openpty()
    with suppress(termios.error):
        settings = termios.tcgetattr(follower)
        settings[1] &= ~termios.ONLCR
        settings[3] &= ~termios.ECHO
        termios.tcsetattr(follower, termios.TCSANOW, settings)
    _copy_size(leader)
    return leader, follower


def _copy_size(handle: int) -> None:
    import fcntl
    import termios

    size = _USUAL_SIZE  # without a terminal of ours; programs take 0 x 0 for a broken one
    with suppress(OSError, ValueError, termios.error):
        size = fcntl.ioctl(sys.__stdout__.fileno() if sys.__stdout__ else 1, termios.TIOCGWINSZ, b"\0" * 8)
    with suppress(OSError, termios.error):
        fcntl.ioctl(handle, termios.TIOCSWINSZ, size)


def _is_missing(problem: Exception, command: Command) -> bool:
    return isinstance(problem, FileNotFoundError) and command.cwd.is_dir()


def _reason(problem: Exception, command: Command) -> str:
    program = command.argv[0] if command.argv else ""
    number = problem.errno if isinstance(problem, OSError) else None
    if number in (errno.ENOENT, errno.ENOTDIR) and not command.cwd.is_dir():
        return f"its folder {command.cwd} does not exist"
    if number == errno.ENOENT:
        is_script = (command.cwd / program).is_file() and "/" in program
        return f"the interpreter that {program} names does not exist" if is_script else f"{program} not found"
    if number == errno.EACCES:
        return f"{program} may not be executed (permission denied)"
    if number == errno.ENOEXEC:
        return f"{program} is no program for this system (no `#!` line, or built for another one)"
    if number in (errno.EMFILE, errno.ENFILE):
        return "too many open files: raise the limit with `ulimit -n 4096`"
    if number in (errno.EAGAIN, errno.ENOMEM):
        return "the system has no room for another process (limit of processes, or memory)"
    if number == errno.E2BIG:
        return "its environment and arguments are too long for the system"
    return f"{program} could not be started: {getattr(problem, 'strerror', None) or 'a value has a NUL byte'}"
