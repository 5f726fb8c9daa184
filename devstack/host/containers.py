"""Which container publishes a port, asked of docker and podman; both may be missing or silent."""

from __future__ import annotations

import re
import shutil
import subprocess

from devstack.records import dataclass

_TIMEOUT = 3.0  # seconds; a daemon that does not answer counts as unreachable
_FORMATS = {
    "docker": (
        "{{.Names}}\t{{.Ports}}\t"
        '{{.Label "com.docker.compose.project"}}\t{{.Label "com.docker.compose.service"}}'
    ),
    "podman": "{{.Names}}\t{{.Ports}}",
}
_PUBLISHED = re.compile(r"(?:^|[\s,:])(\d+)(?:-(\d+))?->")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A running container that publishes a port.

    Attributes:
        project, service: of its compose file, or None.
    """

    engine: str
    name: str
    project: str | None = None
    service: str | None = None

    @property
    def stop_command(self) -> str:
        """What stops it properly."""
        if self.project and self.service:
            return f"{self.engine} compose -p {self.project} stop {self.service}"
        return f"{self.engine} stop {self.name}"


def publishing(port: int) -> Container | None:
    """The running container that publishes `port`; None when there is none or nobody can be asked."""
    for engine, layout in _FORMATS.items():
        program = shutil.which(engine)
        if program is None:
            continue
        found = parse(_ask(program, layout), engine, port)
        if found is not None:
            return found
    return None


def _ask(program: str, layout: str) -> str:
    try:
        done = subprocess.run(
            [program, "ps", "--format", layout],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def parse(text: str, engine: str, port: int) -> Container | None:
    """Lines of `ps` (name, ports, compose project, compose service; tabs between) → who publishes `port`."""
    for line in text.splitlines():
        name, published, project, service = [*line.split("\t"), "", "", ""][:4]
        ranges = ((int(first), int(last or first)) for first, last in _PUBLISHED.findall(published))
        if any(first <= port <= last for first, last in ranges) and _NAME.fullmatch(name):
            known = _NAME.fullmatch(project) and _NAME.fullmatch(service)
            return Container(
                engine=engine,
                name=name,
                project=project if known else None,
                service=service if known else None,
            )
    return None
