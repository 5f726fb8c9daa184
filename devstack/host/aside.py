"""A question that a copy of this process answers, while this one goes on.

What the copy imports, reads and keeps is gone when it has answered. Without `fork`, or where another thread
might hold a lock that the copy needs, the question is answered here and now.
"""

from __future__ import annotations

import marshal
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_MOST_FILES = 256
"""So early in a command there are no descriptors beyond."""


class Aside(Generic[T]):
    """Begins at once; `answer()` waits.

    Args:
        question: gives plain data (numbers, texts, None; tuples, sets, dicts of them). It must not write anything, and
            opens itself what it reads: the copy has no other files than the standard streams.
    """

    def __init__(self, question: Callable[[], T]) -> None:
        self._question = question
        self._child, self._pipe = _copy(question) if _may_copy() else (0, -1)

    def answer(self) -> T:
        """What the question gives. A copy that failed or was killed has not answered: then it is asked here."""
        if not self._child:
            return self._question()
        with os.fdopen(self._pipe, "rb") as pipe:
            found = pipe.read()
        with suppress(ChildProcessError):
            os.waitpid(self._child, 0)
        self._child = 0
        if not found:
            return self._question()
        answer: T = marshal.loads(found)
        return answer


def _may_copy() -> bool:
    threading: Any = sys.modules.get("threading")
    return hasattr(os, "fork") and (threading is None or threading.active_count() == 1)


def _copy(question: Callable[[], Any]) -> tuple[int, int]:
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:
        # Also the lock of the run: it would stay locked for as long as the copy thinks, whoever it belonged to ended.
        os.closerange(3, writing)
        os.closerange(max(writing + 1, 3), _MOST_FILES)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(marshal.dumps(question()))
    finally:  # never return into the starter's code, never flush what it has not yet written
        os._exit(0)
    raise AssertionError("not reached")
