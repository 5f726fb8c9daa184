"""Speaks to the running stack of a checkout. Loads hardly anything: `devstack ps` starts fast."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from devstack.control.protocol import socket_path
from devstack.errors import (
    DevstackError,
    FindingsError,
    NotRunningError,
    PortHeldError,
    RefusedError,
    ServiceFailedError,
    StackFileError,
    SystemProblem,
    UsageError,
    unknown_service,
)
from devstack.host.private_folder import PrivateFolder

RUNNING = "the running stack"

CONNECT_PATIENCE = 5.0
"""Seconds; the first request of a run waits for the server's imports."""


class ControlClient:
    """Requests to the run of `folder`. Raises NotRunningError when there is none that answers."""

    def __init__(self, folder: PrivateFolder) -> None:
        self._folder = folder

    def state(self) -> dict[str, Any]:
        """The run now: `services` as in `devstack ps --json`, `ready`, `stopping`, `began_at`."""
        return self._ask("GET", "/state", timeout=10)

    def post(
        self,
        action: str,
        services: tuple[str, ...] = (),
        *,
        everything: bool = False,
        yes: bool = False,
        patience: float = 10,
    ) -> dict[str, Any]:
        """Ask for `stop`, `start`, `restart` or `down`; the state before it, and whom it was `asked` of.

        `yes`: consent to what a changed stack.toml needs. Raises what is wrong with that file. `patience`: seconds
        for the answer; one about everything may take a minute.
        """
        body = {"services": list(services), "all": everything, "yes": yes}
        return self._ask("POST", f"/{action}", body, timeout=60 if everything else patience)

    def wait(
        self,
        service: str,
        condition: str,
        *,
        timeout: float | None,
        before: Mapping[str, Any] | None = None,
        anew: bool = False,
    ) -> tuple[str, dict[str, Any]]:
        """(`reached` | `failed` | `timeout`, the service).

        `before` is its state before a request: an end of that time does not count. `anew`: neither does being
        ready in the generation of that time; and it counts as stopped when a later one took its place.
        """
        query: dict[str, Any] = {"service": service, "condition": condition}
        if timeout is not None:
            query["timeout"] = timeout
        if before is not None:
            query |= {"since": before["since"], **({"after": before["generation"]} if anew else {})}
        patience = None if timeout is None else timeout + 10
        answer = self._ask("GET", f"/wait?{urlencode(query)}", timeout=patience)
        return str(answer["outcome"]), answer["service"]

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, timeout: float | None
    ) -> dict[str, Any]:
        try:
            content = b"" if body is None else json.dumps(body).encode()
            status, text = _exchange(self._address(), _request(method, path, content), timeout)
            answer = json.loads(text)
        except (ConnectionError, FileNotFoundError, ValueError) as problem:
            raise self._not_running("the run that was here has ended without saying so") from problem
        except PermissionError as problem:
            raise self._foreign() from problem
        except TimeoutError as problem:
            raise SystemProblem(
                "the running stack does not answer on its control socket",
                hint="`devstack ports` shows who holds its ports.",
            ) from problem
        if status == 404 and "unknown" in answer:
            raise unknown_service(answer["unknown"][0], answer["known"], RUNNING)
        if status != 200:
            raise _refusal(answer, status)
        assert isinstance(answer, dict)
        return answer

    def _address(self) -> str:
        try:
            if hasattr(os, "geteuid") and self._folder.path.lstat().st_uid not in (os.geteuid(), 0):
                raise self._foreign()
            path = socket_path(self._folder)
        except (FileNotFoundError, NotADirectoryError):
            path = None
        except PermissionError as problem:
            raise self._foreign() from problem
        if path is None:
            raise self._not_running()
        return os.fspath(path)

    def _not_running(self, detail: str = "") -> NotRunningError:
        text = f"no stack is running in {self._folder.path.parent}"
        return NotRunningError(f"{text} ({detail})" if detail else text, hint="`devstack up` starts it.")

    def _foreign(self) -> RefusedError:
        return RefusedError(
            f"the stack in {self._folder.path.parent} was started by another user",
            hint="Only that user can control it.",
        )


def _request(method: str, path: str, content: bytes) -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: devstack\r\nConnection: close\r\nContent-Length: {len(content)}"
    )
    return f"{head}\r\nContent-Type: application/json\r\n\r\n".encode() + content


def _exchange(address: str, request: bytes, timeout: float | None) -> tuple[int, bytes]:
    """Status and body of the answer. Raises OSError, or ValueError for a broken one. `timeout`: between its parts."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(CONNECT_PATIENCE)
        connection.connect(address)
        connection.settimeout(timeout)
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    _, _, status = head.partition(b" ")
    return int(status[:3]), body


def _refusal(answer: Mapping[str, Any], status: int) -> DevstackError:
    """The error that the running stack met, as the class it has there."""
    classes: list[type[DevstackError]] = [UsageError, StackFileError, FindingsError, PortHeldError]
    classes.append(ServiceFailedError)
    kinds = {each.kind: each for each in classes}
    text = str(answer.get("error", f"the running stack refused ({status})"))
    return kinds.get(str(answer.get("kind")), RefusedError)(text, hint=answer.get("hint"))
