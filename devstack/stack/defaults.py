"""What a service's type decides when the file says nothing."""

from __future__ import annotations

from types import MappingProxyType

from devstack.records import dataclass, replace
from devstack.stack.model import OnChange, ProbeKind, Ready, Service, ServiceType, Stack

AGENT_READY = "registered worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeDefaults:
    """One row of the table of types.

    Attributes:
        loader: kind of the loader that reads the env files.
        inject: devstack puts the files' values into the process itself.
        port_env: variable that carries the main port; "" = none.
        scripts: package.json scripts that start it, best first.
        warms: the first page is asked for once, because its compilation is slow.
        starts: devstack starts it.
    """

    loader: str
    inject: bool = False
    on_change: OnChange = OnChange.RESTART
    port_env: str = ""
    scripts: tuple[str, ...] = ()
    warms: bool = False
    starts: bool = True


BY_TYPE: dict[ServiceType, TypeDefaults] = {
    ServiceType.NEXT: TypeDefaults(
        loader="next", on_change=OnChange.AUTO, port_env="PORT", scripts=("dev",), warms=True
    ),
    ServiceType.VITE: TypeDefaults(loader="vite", on_change=OnChange.AUTO, scripts=("dev",), warms=True),
    ServiceType.NODE: TypeDefaults(loader="dotenv", scripts=("dev", "start")),
    ServiceType.PYTHON: TypeDefaults(loader="python-dotenv"),
    ServiceType.LIVEKIT_AGENT: TypeDefaults(loader="python-dotenv"),
    ServiceType.COMMAND: TypeDefaults(loader="python-dotenv", inject=True, port_env="PORT"),
    ServiceType.EXTERNAL: TypeDefaults(loader="none", on_change=OnChange.IGNORE, starts=False),
    ServiceType.COMPOSE: TypeDefaults(loader="compose", on_change=OnChange.IGNORE, starts=False),
}


def of(service: Service) -> TypeDefaults:
    """The row of the service's type."""
    return BY_TYPE[service.type]


def loader(service: Service) -> str:
    """Kind with optional pin, as declared or by type. Explicit `layers` have loaders of their own."""
    return service.env.loader or of(service).loader


def inject(service: Service) -> bool:
    """Whether devstack puts the files' values into the process."""
    return of(service).inject if service.env.inject is None else service.env.inject


def on_change(service: Service) -> OnChange:
    """What a changed value means."""
    return service.env.on_change or of(service).on_change


def port_env(service: Service) -> str:
    """The variable that carries the main port, "" for none; none without a port.

    An env file that sets the same variable wins over the *default*: that is known one layer up, where
    environments are resolved. A declared `port_env` is always set.
    """
    if service.port is None:
        return ""
    return of(service).port_env if service.port_env is None else service.port_env


def default_files(service: Service) -> tuple[str, ...] | None:
    """Files that the type reads when neither the file nor its source says so; None = the loader's list."""
    if service.type is ServiceType.LIVEKIT_AGENT:
        return (".env.local", ".env")
    return None


def ready(service: Service) -> Ready | None:
    """The gate: as declared, else by type; None = ready as soon as it is started (or completed)."""
    if service.ready is not None:
        return service.ready
    if service.type is ServiceType.LIVEKIT_AGENT:
        return Ready(kind=ProbeKind.LOG, target=AGENT_READY)
    if service.oneshot:
        return None
    if service.port is not None or service.url is not None:
        return Ready(kind=ProbeKind.TCP)
    return None


def warms(service: Service) -> bool:
    """Whether `GET /` is asked once after the port listens; any answer counts, slowness is no failure."""
    return service.ready is None and service.port is not None and of(service).warms


def with_grace(stack: Stack, seconds: float) -> Stack:
    """The stack with this grace for every service whose `stop.grace` is not declared."""
    services = {
        name: service
        if f"services.{name}.stop.grace" in stack.spots
        else replace(service, stop=replace(service.stop, grace=seconds))
        for name, service in stack.services.items()
    }
    return replace(stack, services=MappingProxyType(services))


def starts(service: Service) -> bool:
    """Whether devstack starts a process for it."""
    return of(service).starts
