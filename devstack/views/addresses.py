"""Where people reach a service."""

from __future__ import annotations

from devstack.stack.model import FRONTENDS, Service, Stack


def address(service: Service) -> str:
    """`http://localhost:3000`, or the WebSocket's URL where there is no page; empty without a port."""
    if service.port is None:
        return ""
    host = service.host if service.host not in (None, "0.0.0.0", "::", "127.0.0.1", "::1") else "localhost"
    secure = "s" if service.tls else ""
    spec = service.websocket
    if spec is not None and service.type not in FRONTENDS and spec.protocol != "socket.io":
        return f"ws{secure}://{host}:{service.port}{spec.path if spec.path != '/' else ''}"
    return f"http{secure}://{host}:{service.port}"


def addresses(stack: Stack) -> dict[str, str]:
    """The address of every service that has one."""
    return {name: found for name, service in stack.services.items() if (found := address(service))}
