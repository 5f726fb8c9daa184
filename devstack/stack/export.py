"""The stack for other engines: a Procfile, a compose file, systemd units. Each gives file name → content.

honcho's own systemd export does not fit: one folder for all, no order, restart always, kills only the first
process. What an engine cannot express stands in the file as a comment.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from devstack.stack import defaults
from devstack.stack.launch import Launch, launch
from devstack.stack.model import Condition, ProbeKind, RestartMode, Service, ServiceType, Stack

Files = dict[str, str]
IsSecret = Callable[[str, str], bool]
"""Whether the text of a variable must not be written into another file."""

_NODE_TYPES = (ServiceType.NEXT, ServiceType.VITE, ServiceType.NODE)
_CONDITIONS = {
    Condition.STARTED: "service_started",
    Condition.READY: "service_healthy",
    Condition.COMPLETED: "service_completed_successfully",
}
_RESTARTS = {RestartMode.NEVER: "no", RestartMode.ON_FAILURE: "on-failure", RestartMode.ALWAYS: "always"}


def procfile(stack: Stack, is_secret: IsSecret) -> Files:
    """`Procfile`: commands only; order, gates and oneshots are beyond it."""
    lines = [f"# {stack.name}, from {stack.path.name}. A Procfile knows no order, gates or one-off steps."]
    for service, how in _started(stack):
        if service.oneshot:
            lines.append(f"# run once, before the others: {shell_line(service, how, is_secret)}")
        else:
            lines.append(f"{service.name}: {shell_line(service, how, is_secret)}")
    lines += [f"# not started here: {name}" for name in _not_started(stack)]
    return {"Procfile": "\n".join(lines) + "\n"}


def shell_line(service: Service, how: Launch, is_secret: IsSecret) -> str:
    """One line for a shell: folder, variables, command. A secret is taken from the environment of the shell."""
    parts = [] if service.dir in (".", "./") else [f"cd {shlex.quote(service.dir)} && "]
    variables = variables_of(service, how)
    inline = {} if how.shell_text else dict(how.inline_env)
    for name, text in {**variables, **inline}.items():
        given = f'"${{{name}:?}}"' if is_secret(name, text) else shlex.quote(text)
        parts.append(f"{name}={given} ")
    command = how.shell_text if how.shell_text is not None else shlex.join(how.argv)
    needs_shell = how.shell_text is not None and bool(variables)
    return "".join(parts) + (f"sh -c {shlex.quote(command)}" if needs_shell else command)


def variables_of(service: Service, how: Launch) -> dict[str, str]:
    """What stack.toml itself puts into the process: the port and `set`; no value of an env file."""
    port = {how.port_env: str(service.port)} if how.port_env else {}
    return {**port, **service.env.assignments}


def compose(stack: Stack, is_secret: IsSecret) -> Files:
    """`compose.yaml`: sources are mounted, images are the language's; order and health are kept."""
    import yaml

    body: dict[str, Any] = {"name": _plain_name(stack.name), "services": {}}
    for service in stack.services.values():
        entry = _compose_service(stack, service, is_secret)
        if entry is not None:
            body["services"][service.name] = entry
    text = yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=100)
    return {"compose.yaml": "".join(f"# {line}\n" for line in _compose_notes(stack)) + text}


def _compose_notes(stack: Stack) -> Iterator[str]:
    yield f"{stack.name}, from {stack.path.name}."
    for name, service in stack.services.items():
        if service.type is ServiceType.EXTERNAL:
            yield f"{name} is external: nothing is started for it."
    for link in stack.links:
        if link.used_by != "browser" and not stack.services[link.source.service].type.value.startswith(
            ("next", "vite")
        ):
            yield f"{link.source.text} must name the host `{link.to}` instead of localhost inside containers."


def _compose_service(stack: Stack, service: Service, is_secret: IsSecret) -> dict[str, Any] | None:
    if service.compose is not None:
        return {"extends": {"file": service.compose.path, "service": service.compose.service}}
    how = launch(stack, service)
    if how is None:
        return None
    entry: dict[str, Any] = {
        "image": "node:22" if service.type in _NODE_TYPES else "python:3.12",
        "working_dir": _inside(service.dir),
        "volumes": [".:/app"],
        "command": [text.replace("$", "$$") for text in how.argv],
    }
    variables = {**how.inline_env, **variables_of(service, how)}
    if variables:
        entry["environment"] = {
            name: f"${{{name}:?}}" if is_secret(name, text) else text.replace("$", "$$")
            for name, text in variables.items()
        }
    if defaults.inject(service):
        files = service.env.files or (".env",)
        entry["env_file"] = [{"path": _below(service.dir, name), "required": False} for name in files]
    further = {
        "ports": [f"127.0.0.1:{port.number}:{port.number}" for port in service.all_ports],
        "healthcheck": _health(service),
        "depends_on": _compose_needs(stack, service),
    }
    entry |= {key: value for key, value in further.items() if value}
    entry["restart"] = "no" if service.oneshot else _RESTARTS[service.restart.mode]
    return entry | _stopping(service)


def _stopping(service: Service) -> dict[str, Any]:
    grace = f"{service.stop.grace:g}s"
    return {"stop_signal": f"SIG{service.stop.signal}", "stop_grace_period": grace}


def _compose_needs(stack: Stack, service: Service) -> dict[str, Any]:
    needs = {}
    for one in service.depends_on:
        target = stack.services[one.service]
        if target.type is ServiceType.EXTERNAL:
            continue
        condition = _CONDITIONS[one.condition]
        if condition == "service_healthy" and _health(target) is None:
            condition = "service_started"
        needs[one.service] = {"condition": condition} | ({"required": False} if target.optional else {})
    return needs


def _health(service: Service) -> dict[str, Any] | None:
    """A health check with what the image has: node or python ask the port."""
    ready = defaults.ready(service)
    if ready is None or service.compose is not None:
        return None
    if ready.kind is ProbeKind.COMMAND:
        return {"test": ["CMD-SHELL", ready.target.replace("$", "$$")], **_rhythm(ready.within)}
    if ready.kind is ProbeKind.LOG or service.port is None:
        return None
    is_http = ready.kind is ProbeKind.HTTP
    url = f"http://127.0.0.1:{service.port}{ready.target}"
    if service.type in _NODE_TYPES:
        code = (
            f"fetch({url!r}).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
            if is_http
            else f"require('net').connect({service.port}, '127.0.0.1').on('connect', () => process.exit(0))"
            ".on('error', () => process.exit(1))"
        )
        return {"test": ["CMD", "node", "-e", code], **_rhythm(ready.within)}
    code = (
        f"import urllib.request; urllib.request.urlopen({url!r}, timeout=2)"
        if is_http
        else f"import socket; socket.create_connection(('127.0.0.1', {service.port}), 2)"
    )
    return {"test": ["CMD", "python", "-c", code], **_rhythm(ready.within)}


def _rhythm(within: float) -> dict[str, Any]:
    return {"interval": "2s", "timeout": "3s", "start_period": f"{within:g}s", "retries": 3}


def systemd(stack: Stack, is_secret: IsSecret) -> Files:
    """User units: one target, one service each. Order is kept; gates are what systemd calls started."""
    prefix = _plain_name(stack.name)
    files = {}
    for service, how in _started(stack):
        unit = f"{prefix}-{service.name}.service"
        files[unit] = _unit(stack, service, how, is_secret)
    wants = " ".join(files)
    files[f"{prefix}.target"] = (
        f"[Unit]\nDescription={_one_line(stack.name)}\nWants={wants}\n\n[Install]\nWantedBy=default.target\n"
    )
    return files


def _unit(stack: Stack, service: Service, how: Launch, is_secret: IsSecret) -> str:
    prefix = _plain_name(stack.name)
    needs = [
        f"{prefix}-{one.service}.service"
        for one in service.depends_on
        if defaults.starts(stack.services[one.service])
    ]
    unit = [("Description", f"{_one_line(stack.name)}: {service.name}"), ("PartOf", f"{prefix}.target")]
    unit += [("After", " ".join(needs)), ("Requires", " ".join(needs))] if needs else []
    run = _unit_run(stack, service, how, is_secret)
    sections = {"Unit": unit, "Service": run, "Install": [("WantedBy", f"{prefix}.target")]}
    return "\n".join(_section(title, entries) for title, entries in sections.items())


def _unit_run(stack: Stack, service: Service, how: Launch, is_secret: IsSecret) -> list[tuple[str, str]]:
    """Where and as what it runs, and how it ends. Secrets are passed on, never written."""
    folder = stack.root / service.dir
    run = [
        ("Type", "oneshot" if service.oneshot else "exec"),
        ("WorkingDirectory", _escaped(str(folder.resolve()))),
    ]
    variables = {**how.inline_env, **variables_of(service, how)}
    run += [
        ("PassEnvironment", name)
        if is_secret(name, text)
        else ("Environment", _systemd_word(f"{name}={text}"))
        for name, text in variables.items()
    ]
    if defaults.inject(service):
        files = service.env.files or (".env",)
        run += [("EnvironmentFile", "-" + _escaped(str(folder / name))) for name in files]
    restart = RestartMode.NEVER if service.oneshot else service.restart.mode
    run += [
        ("ExecStart", " ".join(_systemd_word(word, command=True) for word in _with_path(how))),
        ("Restart", _RESTARTS[restart]),
        ("RestartSec", f"{service.restart.backoff_min:g}s"),
        ("KillSignal", f"SIG{service.stop.signal}"),
        ("TimeoutStopSec", f"{service.stop.grace:g}s"),
        ("KillMode", "control-group"),
    ]
    if service.oneshot:
        run.append(("RemainAfterExit", "yes"))
    return run


def _with_path(how: Launch) -> tuple[str, ...]:
    """systemd wants an absolute program, and searches no PATH but its own."""
    program = how.argv[0]
    first = (str((how.cwd / program).absolute()),) if "/" in program else ("/usr/bin/env", program)
    return (*first, *how.argv[1:])


def _section(title: str, entries: list[tuple[str, str]]) -> str:
    return f"[{title}]\n" + "".join(f"{key}={value}\n" for key, value in entries)


def _started(stack: Stack) -> Iterator[tuple[Service, Launch]]:
    for service in stack.services.values():
        how = launch(stack, service)
        if how is not None:
            yield service, how


def _not_started(stack: Stack) -> list[str]:
    return [name for name, service in stack.services.items() if not defaults.starts(service)]


def _plain_name(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_") or "stack"


def _one_line(text: str) -> str:
    return _escaped(" ".join(text.split()))


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _systemd_word(word: str, *, command: bool = False) -> str:
    """Quoted as systemd.syntax says; in a command `$` is doubled too."""
    text = _escaped(word).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    text = text.replace("$", "$$") if command else text
    return f'"{text}"' if re.search(r"[\s\"'\\;$#]", text) or not text else text


def _inside(folder: str) -> str:
    return "/app" if folder in (".", "./") else f"/app/{folder.removeprefix('./')}"


def _below(folder: str, name: str) -> str:
    return f"./{name}" if folder in (".", "./") else f"./{folder.removeprefix('./')}/{name}"


FORMATS: Mapping[str, Any] = {"procfile": procfile, "compose": compose, "systemd": systemd}
