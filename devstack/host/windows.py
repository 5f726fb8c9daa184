"""Windows: each service in a Job Object that dies with us. Type-checked, not run by the test suite.

A job with KILL_ON_JOB_CLOSE ends its whole tree when its last handle is closed, also when devstack is killed,
so that no guard process is needed there. The orderly stop is CTRL_BREAK to the service's own process group.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from contextlib import suppress
from typing import Any

from devstack.host import process_facts
from devstack.host.base import Command, Ending, SpawnError
from devstack.host.model import ProcessId
from devstack.host.process_facts import RUN_TAG, SERVICE_TAG
from devstack.host.pump import output_pipe

_NEW_GROUP = 0x00000200
_SUSPENDED = 0x00000004
_KILL_ON_CLOSE = 0x00002000
_EXTENDED_LIMITS = 9
_CTRL_BREAK = 1


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("process_time", ctypes.c_int64),
        ("job_time", ctypes.c_int64),
        ("flags", ctypes.c_uint32),
        ("minimum", ctypes.c_size_t),
        ("maximum", ctypes.c_size_t),
        ("active", ctypes.c_uint32),
        ("affinity", ctypes.c_size_t),
        ("priority", ctypes.c_uint32),
        ("scheduling", ctypes.c_uint32),
    )


class _ExtendedLimits(ctypes.Structure):
    _fields_ = (
        ("basic", _BasicLimits),
        ("io", ctypes.c_uint64 * 6),
        ("sizes", ctypes.c_size_t * 4),
    )


def _kernel() -> Any:
    """kernel32; only there on Windows."""
    return getattr(ctypes, "windll").kernel32  # noqa: B009 - the attribute exists on Windows only


class WindowsHost:
    """Starts processes inside jobs."""

    def __init__(self, run: str) -> None:
        self.run = run

    def adopt_orphans(self) -> None:
        """Jobs hold their members; nothing to do."""

    def set_apart(self, pid: int) -> None:
        """No other children are looked at."""

    def spawn(self, command: Command) -> WindowsChild:
        """Start suspended, put into a job, resume: nothing can escape in between."""
        reading, writing = output_pipe()
        try:
            process = subprocess.Popen(
                command.argv,
                cwd=command.cwd,
                env={**command.env, RUN_TAG: self.run, SERVICE_TAG: command.tag},
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                creationflags=_NEW_GROUP | _SUSPENDED,
            )
        except OSError as problem:
            os.close(reading)
            is_missing = isinstance(problem, FileNotFoundError)
            what = f"{command.argv[0]} not found" if is_missing else f"{command.argv[0]}: {problem.strerror}"
            raise SpawnError(what, is_missing=is_missing) from None
        finally:
            os.close(writing)
        return WindowsChild(process, _job_of(process), reading)

    def reap(self) -> None:
        """There are no zombies."""

    def strays(self) -> tuple[ProcessId, ...]:
        """A job's members never leave it."""
        return ()

    def end(self, processes: tuple[ProcessId, ...], name: str) -> None:
        """Terminate exactly these processes."""
        for process in processes:
            if process_facts.is_alive(process):
                with suppress(OSError):
                    os.kill(process.pid, 15)


class WindowsChild:
    """A process and its job."""

    def __init__(self, process: subprocess.Popen[bytes], job: int, output: int) -> None:
        self._process = process
        self._job = job
        self.output = output
        entry = process_facts.kin(process.pid)
        self.id = entry.id if entry is not None else ProcessId(pid=process.pid, started_at=0.0)
        self._reading, self._writing = socket.socketpair()  # a loop can wait for sockets only
        self.exit_handle = self._reading.fileno()
        self._is_released = False
        threading.Thread(target=self._wait, name=f"exit of {process.pid}", daemon=True).start()

    def _wait(self) -> None:
        self._process.wait()
        self._writing.close()

    def ending(self) -> Ending | None:
        """The exit code; None while it runs."""
        code = self._process.poll()
        return None if code is None else Ending(code=code)

    def members(self) -> tuple[ProcessId, ...]:
        """The leader and its living descendants."""
        return tuple(one.id for one in process_facts.descendants([self.id.pid]))

    def signal(self, name: str) -> None:
        """KILL ends the job; anything else is a CTRL_BREAK to the group."""
        if name == "KILL":
            _kernel().TerminateJobObject(self._job, 1)
        else:
            _kernel().GenerateConsoleCtrlEvent(_CTRL_BREAK, self.id.pid)

    def resize(self) -> None:
        """There are no pseudo terminals here."""

    def release(self) -> None:
        """Close the job: whatever is left in it ends."""
        if not self._is_released:
            self._is_released = True
            _kernel().CloseHandle(self._job)
            self._reading.close()


def _job_of(process: subprocess.Popen[bytes]) -> int:
    """A new job that holds the (suspended) process, which then runs."""
    kernel = _kernel()
    job = int(kernel.CreateJobObjectW(None, None))
    limits = _ExtendedLimits()
    limits.basic.flags = _KILL_ON_CLOSE
    kernel.SetInformationJobObject(job, _EXTENDED_LIMITS, ctypes.byref(limits), ctypes.sizeof(limits))
    handle = int(getattr(process, "_handle"))  # noqa: B009 - the attribute exists on Windows only
    kernel.AssignProcessToJobObject(job, handle)
    ntdll = getattr(ctypes, "windll").ntdll  # noqa: B009
    ntdll.NtResumeProcess(handle)
    return job
