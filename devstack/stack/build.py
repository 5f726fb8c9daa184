"""From checked tables to the frozen values of `stack.model`. Nothing here can fail."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from devstack.stack import model, reference

if TYPE_CHECKING:
    from devstack.stack import schema

FLAG_PROBES = {"tcp": model.ProbeKind.TCP, "websocket": model.ProbeKind.WEBSOCKET}
TEXT_PROBES = {
    "http": model.ProbeKind.HTTP,
    "log": model.ProbeKind.LOG,
    "command": model.ProbeKind.COMMAND,
}


def service(name: str, table: schema.ServiceTable) -> model.Service:
    """One `[services.NAME]`."""
    plain = {key: table[key] for key in _PLAIN_KEYS if key in table}  # type: ignore[literal-required]
    return model.Service(
        name=name,
        ports=tuple(model.Port(role=role, number=number) for role, number in table.get("ports", {}).items()),
        depends_on=_dependencies(table.get("depends_on", [])),
        restart=_restart(table["restart"]) if "restart" in table else _USUAL_RESTART,
        stop=model.Stop(**table["stop"]) if "stop" in table else _USUAL_STOP,
        setup=_setup(table.get("setup")),
        profiles=tuple(table.get("profiles", ())),
        hosts=tuple(table.get("hosts", ())),
        source=tuple(table["source"]) if "source" in table else None,
        env=_env(table["env"]) if "env" in table else _USUAL_ENV,
        ready=_ready(table.get("ready")),
        websocket=_websocket(table.get("websocket")),
        **plain,
    )


_PLAIN_KEYS = (
    *("type", "dir", "command", "port", "host", "port_env", "oneshot", "optional", "tls", "tty"),
    *("compose", "url"),
)


# One for all of thousands of services that say nothing about it.
_USUAL_RESTART, _USUAL_STOP, _USUAL_ENV = model.Restart(), model.Stop(), model.EnvSpec()


def _dependencies(declared: list[str] | dict[str, model.Condition]) -> tuple[model.Dependency, ...]:
    if isinstance(declared, list):
        return tuple(model.Dependency(service=name) for name in dict.fromkeys(declared))
    return tuple(model.Dependency(service=name, condition=one) for name, one in declared.items())


def _restart(declared: model.RestartMode | schema.RestartTable) -> model.Restart:
    if isinstance(declared, model.RestartMode):
        return model.Restart(mode=declared)
    known = model.Restart()
    least, most = declared.get("backoff", (known.backoff_min, known.backoff_max))
    return model.Restart(
        mode=declared.get("policy", known.mode),
        max=declared.get("max", known.max),
        backoff_min=least,
        backoff_max=most,
    )


def _setup(table: schema.SetupTable | None) -> model.Setup | None:
    if table is None:
        return None
    return model.Setup(
        command=table["command"],
        inputs=tuple(table.get("inputs", ())),
        creates=tuple(table.get("creates", ())),
    )


def _env(table: schema.EnvTable) -> model.EnvSpec:
    return model.EnvSpec(
        loader=table.get("loader"),
        mode=table.get("mode"),
        files=tuple(table["files"]) if "files" in table else None,
        inject=table.get("inject"),
        assignments=MappingProxyType(dict(table.get("set", {}))),
        example=table.get("example"),
        layers=tuple(
            model.EnvLayer(
                loader=layer["loader"],
                files=tuple(layer.get("files", ())),
                override=layer.get("override", False),
            )
            for layer in table.get("layers", ())
        ),
        on_change=table.get("on_change"),
    )


def _ready(table: Mapping[str, Any] | None) -> model.Ready | None:
    if table is None:
        return None
    probe = next(key for key in (*FLAG_PROBES, *TEXT_PROBES) if key in table)
    status = table.get("status")
    return model.Ready(
        kind=FLAG_PROBES.get(probe) or TEXT_PROBES[probe],
        target="" if probe in FLAG_PROBES else table[probe],
        status=None if status is None else tuple(status) if isinstance(status, list) else (status,),
        json=table.get("json"),
        within=table.get("within", 60.0),
    )


def _websocket(table: schema.WebSocketTable | None) -> model.WebSocketSpec | None:
    if table is None:
        return None
    expect = table.get("expect", "open")
    rest: dict[str, Any] = {key: value for key, value in table.items() if key not in _SHAPED}
    return model.WebSocketSpec(
        expect=_expect(expect),
        subprotocols=tuple(table.get("subprotocols", ())),
        token=_token(table.get("token")),
        **rest,
    )


_SHAPED = ("expect", "subprotocols", "token")


def _expect(declared: str | schema.ExpectTable) -> model.Expect:
    if isinstance(declared, str):
        return model.Expect()
    if "close" in declared:
        return model.Expect(kind="close", codes=tuple(declared["close"]))
    return model.Expect(kind="status", codes=(declared["status"],))


def _token(table: Mapping[str, Any] | None) -> model.TokenSpec | None:
    if table is None:
        return None
    secret = table["secret"]
    rest = {key: table[key] for key in ("name", "algorithm", "ttl") if key in table}
    return model.TokenSpec(
        place=table.get("in", "query"),
        secret=reference.reference(secret) if ":" in secret else secret,
        claims=MappingProxyType(dict(table.get("claims", {}))),
        **rest,
    )


def shared(name: str, table: schema.SharedTable) -> model.Shared:
    """One `[shared.NAME]`."""
    return model.Shared(
        name=name,
        members=tuple(table["members"]),
        secret=table.get("secret", False),
        min_bytes=table.get("min_bytes"),
    )


def link(table: Mapping[str, Any]) -> model.Link:
    """One `[[links]]`."""
    schemes = table.get("scheme")
    to, role = table["to"]
    rest = {key: table[key] for key in ("path", "base", "wait", "used_by") if key in table}
    return model.Link(
        source=table["from"],
        to=to,
        role=role,
        schemes=None if schemes is None else tuple(schemes) if isinstance(schemes, list) else (schemes,),
        **rest,
    )


def origins(table: Mapping[str, Any]) -> model.Origins:
    """One `[[origins]]`."""
    return model.Origins(source=table["from"], allows=tuple(table["allows"]))


def doctor(table: schema.DoctorTable) -> model.DoctorSpec:
    """`[doctor]`."""
    return model.DoctorSpec(
        required=MappingProxyType({name: tuple(all_) for name, all_ in table.get("required", {}).items()}),
        ignore=tuple(model.Ignore(**entry) for entry in table.get("ignore", ())),
    )
