"""Every rule, in the order of the ids. A new rule is one module plus one line here.

A rule module is named like its rule (`shared-mismatch` → `shared_mismatch.py`) and holds

- its page as docstring: a first line that says what is found, then the sections `## Why it matters`,
  `## Example` and `## Mending` (markdown; `docs/rules.md` and `devstack explain` print it),
- `check(inspection: Inspection) -> Iterator[Finding]`, which may raise `Skip(reason)`,
- `RULE = Rule(id=…, name=…, severity=…, page=__doc__, check=check)`.

`tests/rules/<rule-name>/good` and `…/bad` hold at least one case each (format: tests/rules/casefile.py).
"""

from __future__ import annotations

from devstack.rules import (
    bad_token_accepted,
    browser_blocked_port,
    command_port_mismatch,
    command_substitution,
    config_reads_unloaded,
    defined_where_not_read,
    duplicate_key,
    empty_value,
    encoding,
    environment_filtered,
    example_drift,
    fallback_secret_in_source,
    fallback_url_in_source,
    hard_coded_url_in_client,
    health_contradicts_stack,
    hmr_port_clash,
    host_without_websocket,
    insecure_remote_websocket,
    invisible_characters,
    layer_surprise,
    livekit_credentials,
    loader_crash,
    loader_disagreement,
    loopback_in_container,
    missing_env_file,
    missing_variable,
    misspelt_name,
    mixed_content,
    names_missing_file,
    origin_not_allowed,
    placeholder_value,
    port_clash,
    port_from_environment,
    port_held,
    port_invalid,
    port_other_family,
    port_variable_ignored,
    remote_url_in_development,
    service_down,
    settings_forbid_extra,
    shadowed_by_process,
    shared_mismatch,
    stack_file_invalid,
    syntax,
    token_rejected,
    undeclared_variable,
    unquoted_multiline,
    unresolved_reference,
    unused_suppression,
    unused_variable,
    url_host_unreachable,
    url_malformed,
    url_points_at_frontend,
    url_scheme_mismatch,
    url_wrong_path,
    url_wrong_port,
    value_mangled,
    weak_secret,
    websocket_refused,
)
from devstack.rules.base import Rule

CATALOGUE: tuple[Rule, ...] = (
    # DS0 stack and tools
    stack_file_invalid.RULE,
    unused_suppression.RULE,
    # DS1 secrets and shared values
    shared_mismatch.RULE,
    loader_disagreement.RULE,
    value_mangled.RULE,
    invisible_characters.RULE,
    placeholder_value.RULE,
    empty_value.RULE,
    defined_where_not_read.RULE,
    misspelt_name.RULE,
    weak_secret.RULE,
    livekit_credentials.RULE,
    fallback_secret_in_source.RULE,
    # DS2 URLs, links, origins
    missing_variable.RULE,
    fallback_url_in_source.RULE,
    url_wrong_port.RULE,
    url_points_at_frontend.RULE,
    url_scheme_mismatch.RULE,
    url_malformed.RULE,
    url_host_unreachable.RULE,
    url_wrong_path.RULE,
    origin_not_allowed.RULE,
    remote_url_in_development.RULE,
    mixed_content.RULE,
    host_without_websocket.RULE,
    insecure_remote_websocket.RULE,
    hard_coded_url_in_client.RULE,
    loopback_in_container.RULE,
    # DS3 exposure
    # DS4 ports
    port_variable_ignored.RULE,
    port_clash.RULE,
    hmr_port_clash.RULE,
    port_held.RULE,
    port_from_environment.RULE,
    port_other_family.RULE,
    port_invalid.RULE,
    browser_blocked_port.RULE,
    command_port_mismatch.RULE,
    # DS5 env files
    duplicate_key.RULE,
    layer_surprise.RULE,
    shadowed_by_process.RULE,
    unquoted_multiline.RULE,
    unresolved_reference.RULE,
    encoding.RULE,
    syntax.RULE,
    loader_crash.RULE,
    command_substitution.RULE,
    settings_forbid_extra.RULE,
    missing_env_file.RULE,
    names_missing_file.RULE,
    environment_filtered.RULE,
    config_reads_unloaded.RULE,
    # DS6 running
    service_down.RULE,
    websocket_refused.RULE,
    bad_token_accepted.RULE,
    token_rejected.RULE,
    health_contradicts_stack.RULE,
    # DS7 drift
    example_drift.RULE,
    undeclared_variable.RULE,
    unused_variable.RULE,
)


def find(handle: str) -> Rule | None:
    """The rule with this name or id (any case)."""
    wanted = handle.lower()
    return next((rule for rule in CATALOGUE if wanted in (rule.name, rule.id.lower())), None)
