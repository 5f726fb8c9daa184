"""Makes the terminal on standard input the controlling one of this new session, then becomes the program.

Run as `python -I -S tty_main.py PROGRAM ARGUMENT…` by a leader of a session. Between fork and exec nothing may run
in a process with threads, so this little step is a program of its own: after it, Ctrl-C codes and `/dev/tty` mean
what they mean in a terminal, and closing the terminal ends the session. The pid stays the same.
"""
# Imports nothing that the interpreter has not loaded anyway: it runs before each start of such a service.

from __future__ import annotations

import os
import signal
import sys

NOT_FOUND, NOT_EXECUTABLE = 127, 126


def main(argv: list[str]) -> None:
    """Take the terminal, restore what Python changed, exec."""
    try:
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    except (ImportError, OSError):
        pass  # without it, it still is a terminal
    # The first two are Python's doing, the last is devstack's own on a terminal.
    for number in (signal.SIGPIPE, getattr(signal, "SIGXFSZ", None), getattr(signal, "SIGTSTP", None)):
        if number is not None:
            signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)
    except FileNotFoundError:
        sys.stderr.write(f"{argv[0]}: command not found\n")
        os._exit(NOT_FOUND)
    except OSError as problem:
        sys.stderr.write(f"{argv[0]}: {problem.strerror}\n")
        os._exit(NOT_EXECUTABLE)


if __name__ == "__main__":
    main(sys.argv[1:])
