"""The environment that a spawned process gets."""

from __future__ import annotations

from collections.abc import Mapping

from devstack.env.model import Environment, LayerKind
from devstack.env.resolve import OWN_NAMES, given_values
from devstack.stack import defaults
from devstack.stack.launch import Launch
from devstack.stack.model import Service, Stack


def child_environment(
    stack: Stack,
    service: Service,
    environment: Environment,
    *,
    process: Mapping[str, str],
    launch: Launch | None,
) -> dict[str, str]:
    """The user's environment without what devstack added, plus port, `set`, inline and injected values.

    Injected are files' values, only where the service asks for it, and never into a program that reads them
    with Next's loader: Next expands what it finds exported a second time.
    """
    inherited = {name: text for name, text in process.items() if name not in OWN_NAMES}
    made = dict(inherited)
    reads_with_next = any(pin.startswith("next") for pin in environment.loader.split(" + "))
    if defaults.inject(service) and not reads_with_next:
        for name, value in environment.variables.items():
            if (
                value.text is not None
                and value.origin.layer is LayerKind.FILE
                and _can_be_set(name, value.text)
            ):
                made[name] = value.text
    for name, value in given_values(stack, service, launch, inherited).items():
        if name == defaults.port_env(service) and _is_own_port(service, environment, name):
            continue
        if value.text is not None and not (launch and name in launch.inline_dynamic):
            made[name] = value.text
    return made


def _is_own_port(service: Service, environment: Environment, name: str) -> bool:
    """Whether an env file sets the port variable, so that the type's default does not."""
    found = environment.variables.get(name)
    return service.port_env is None and found is not None and found.origin.layer is LayerKind.FILE


def _can_be_set(name: str, text: str) -> bool:
    return bool(name) and "=" not in name and "\0" not in name and "\0" not in text
