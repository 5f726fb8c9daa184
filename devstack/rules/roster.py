"""Which rules there are, in the order of their ids, and what each is about.

A new rule is one module plus one line here. A module is named like its rule (`shared-mismatch` →
`shared_mismatch.py`) and holds

- its page as docstring: a first line that says what is found, then the sections `## Why it matters`,
  `## Example` and `## Mending` (markdown; `docs/rules.md` and `devstack explain` print it),
- `check(inspection: Inspection) -> Iterator[Finding]`, which may raise `Skip(reason)`,
- `RULE = Rule(id=…, name=…, severity=…, page=__doc__, check=check)`.

`tests/rules/<rule-name>/good` and `…/bad` hold at least one case each (format: tests/rules/conftest.py).

`catalogue` loads them all. `devstack up` looks through the files before each start, and loading eighty modules is most
of that: it leaves out those that cannot have anything to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Flag, auto
from importlib import import_module
from typing import TYPE_CHECKING

from devstack.stack.model import FRONTENDS, ServiceType

if TYPE_CHECKING:
    from devstack.env.model import Environment
    from devstack.env.source.model import SourceIndex
    from devstack.rules.base import Rule
    from devstack.rules.inspection import Inspection
    from devstack.stack.model import Service


class About(Flag):
    """What must be there for a rule to find anything; of several, one."""

    STACK = auto()
    VARIABLES = auto()  # a page, or anything that names, holds or reads a variable
    PORTS = auto()  # a declared port
    CONTAINERS = auto()  # a service that runs in one
    RUN = auto()  # ports and processes of this machine, or answers of services


ROSTER: dict[str, About] = {
    # DS0 stack and tools
    "stack_file_invalid": About.STACK,
    "missing_tool": About.STACK,
    "dependencies_not_installed": About.STACK,
    "missing_entrypoint": About.STACK,
    "link_without_dependency": About.VARIABLES,
    "runtime_version": About.STACK,
    "vulnerable_dev_server": About.VARIABLES,
    "unused_suppression": About.STACK,
    # DS1 secrets and shared values
    "shared_mismatch": About.VARIABLES,
    "loader_disagreement": About.VARIABLES,
    "value_mangled": About.VARIABLES,
    "invisible_characters": About.VARIABLES,
    "placeholder_value": About.VARIABLES,
    "empty_value": About.VARIABLES,
    "defined_where_not_read": About.VARIABLES,
    "misspelt_name": About.VARIABLES,
    "weak_secret": About.VARIABLES,
    "livekit_credentials": About.VARIABLES,
    "fallback_secret_in_source": About.VARIABLES,
    # DS2 URLs, links, origins
    "missing_variable": About.VARIABLES,
    "fallback_url_in_source": About.VARIABLES,
    "url_wrong_port": About.VARIABLES,
    "url_points_at_frontend": About.VARIABLES,
    "url_scheme_mismatch": About.VARIABLES,
    "url_malformed": About.VARIABLES,
    "url_host_unreachable": About.VARIABLES,
    "url_wrong_path": About.VARIABLES,
    "origin_not_allowed": About.VARIABLES,
    "remote_url_in_development": About.VARIABLES,
    "mixed_content": About.VARIABLES,
    "host_without_websocket": About.VARIABLES,
    "insecure_remote_websocket": About.VARIABLES,
    "hard_coded_url_in_client": About.VARIABLES,
    "loopback_in_container": About.CONTAINERS,
    # DS3 exposure
    "secret_exposed_to_browser": About.VARIABLES,
    "secret_value_exposed": About.VARIABLES,
    "bundler_config_leak": About.VARIABLES,
    "secret_read_in_client_code": About.VARIABLES,
    "variable_not_exposed": About.VARIABLES,
    "dynamic_access_in_client": About.VARIABLES,
    "env_file_tracked": About.VARIABLES,
    "env_file_permissions": About.VARIABLES,
    "example_holds_secret": About.VARIABLES,
    # DS4 ports
    "port_variable_ignored": About.VARIABLES,
    "port_clash": About.STACK,
    "hmr_port_clash": About.STACK,
    "port_held": About.RUN,
    "port_from_environment": About.PORTS,
    "port_other_family": About.RUN,
    "port_invalid": About.PORTS | About.VARIABLES,
    "browser_blocked_port": About.PORTS,
    "command_port_mismatch": About.PORTS,
    # DS5 env files
    "duplicate_key": About.VARIABLES,
    "layer_surprise": About.VARIABLES,
    "shadowed_by_process": About.VARIABLES,
    "procfile_runner_parse": About.VARIABLES,
    "unquoted_multiline": About.VARIABLES,
    "unresolved_reference": About.VARIABLES,
    "encoding": About.VARIABLES,
    "syntax": About.VARIABLES,
    "loader_crash": About.VARIABLES,
    "command_substitution": About.VARIABLES,
    "sourced_by_shell": About.STACK,
    "settings_forbid_extra": About.VARIABLES,
    "missing_env_file": About.VARIABLES,
    "names_missing_file": About.VARIABLES,
    "environment_filtered": About.VARIABLES,
    "config_reads_unloaded": About.VARIABLES,
    # DS6 running
    "stale_environment": About.RUN,
    "reload_does_not_apply": About.VARIABLES,
    "service_down": About.RUN,
    "foreign_listener": About.RUN,
    "websocket_refused": About.RUN,
    "bad_token_accepted": About.RUN,
    "token_rejected": About.RUN,
    "health_contradicts_stack": About.RUN,
    # DS7 drift
    "example_drift": About.VARIABLES,
    "undeclared_variable": About.VARIABLES,
    "unused_variable": About.VARIABLES,
}


def rules(modules: Iterable[str] = ROSTER) -> tuple[Rule, ...]:
    """The rules of these modules, loaded."""
    return tuple(import_module(f"devstack.rules.{module}").RULE for module in modules)


def may_speak(inspection: Inspection) -> tuple[list[str], frozenset[str]]:
    """Modules of the rules that may find something in files; and names of those that look there in vain."""
    there = _there(inspection)
    kinds = {module: about for module, about in ROSTER.items() if about is not About.RUN}
    modules = [module for module, about in kinds.items() if about & there]
    return modules, frozenset(module.replace("_", "-") for module in kinds.keys() - set(modules))


def _there(inspection: Inspection) -> About:
    """What there is of all that rules are about."""
    found = About.STACK
    if _has_variables(inspection):
        found |= About.VARIABLES
    if any(service.all_ports for service in inspection.services):
        found |= About.PORTS
    if any(map(_may_be_in_container, inspection.services)):
        found |= About.CONTAINERS
    return found


def _may_be_in_container(service: Service) -> bool:
    return service.type is ServiceType.COMPOSE or any(
        program in (service.command or "") for program in ("docker", "podman", "nerdctl")
    )


def _has_variables(inspection: Inspection) -> bool:
    stack = inspection.stack
    return (
        stack is None
        or any((stack.links, stack.shared, stack.distinct, stack.origins, stack.doctor.required))
        or any(map(_names_files, inspection.services))
        or any(name.startswith("LIVEKIT_") for name in inspection.process_env)  # credentials of the shell
        or bool(inspection.env_paths)
        or any(map(_is_told_something, inspection.environments.values()))
        or any(_speaks_of_variables(inspection.sources(service)) for service in stack.services)
    )


def _names_files(service: Service) -> bool:
    """Env files, or whose rules choose them; a page always has its framework's."""
    env = service.env
    return service.type in FRONTENDS or any((env.loader, env.files, env.layers, env.example))


def _is_told_something(environment: Environment) -> bool:
    """That there may be files which nobody can name (`dynamic`) is nothing to judge."""
    return bool(environment.variables) or any(issue.kind != "dynamic" for issue in environment.issues)


def _speaks_of_variables(index: SourceIndex) -> bool:
    return any((index.reads, index.scripts, index.packages, index.dotenv_calls, index.settings, index.urls))
