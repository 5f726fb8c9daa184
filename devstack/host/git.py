"""Read-only questions to git: which files are tracked, which are ignored. Never writes, never runs hooks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

# Configured helpers must not run for a question: no pager, no file-system monitor, no optional locks.
_QUIET = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=false", "--no-optional-locks", "--no-pager")
_TIMEOUT = 20.0  # seconds; a question that takes longer counts as unanswered


def tracked_files(root: Path, patterns: Iterable[str] = ()) -> frozenset[str] | None:
    """Paths that git tracks at or below `root`, POSIX, relative to it.

    Args:
        patterns: glob pathspecs (`**/.env*`) that limit the answer; none = every file.

    Returns:
        None when `root` is not in a repository or git is not installed.
    """
    chosen = [f":(glob){pattern}" for pattern in patterns]
    answer = _git(root, "ls-files", "-z", "--", *chosen)
    return None if answer is None else frozenset(_names(answer[1]))


def ignored_files(root: Path, paths: Iterable[str]) -> frozenset[str] | None:
    """Those of `paths` (POSIX, relative to `root`) that git ignores. None when that cannot be known."""
    wanted = [path for path in paths if path]
    if not wanted:
        return frozenset()
    answer = _git(root, "check-ignore", "-z", "--stdin", stdin="\0".join(wanted))
    # 1 = none of them is ignored
    return None if answer is None else frozenset(_names(answer[1]))


def _git(root: Path, *argv: str, stdin: str = "") -> tuple[int, bytes] | None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["GIT_TERMINAL_PROMPT"] = "0"
    try:
        done = subprocess.run(
            ["git", *_QUIET, *argv],
            cwd=root,
            input=os.fsencode(stdin),
            capture_output=True,
            timeout=_TIMEOUT,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (done.returncode, done.stdout) if done.returncode in (0, 1) else None


def _names(answer: bytes) -> list[str]:
    return [os.fsdecode(name) for name in answer.split(b"\0") if name]
