"""`devstack doctor` and `devstack explain`: argv to one function each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

_EXAMPLES = """\b
Examples:
  devstack doctor                         what is wrong, most important first
  devstack doctor --fix                   apply the safe fixes, diff first
  devstack doctor --select DS2 --strict   only URLs and origins; warnings fail
  devstack doctor --format sarif > doctor.sarif
"""


@click.command(epilog=_EXAMPLES)
@click.option("--format", "form", type=click.Choice(["text", "json", "sarif", "github"]), default="text")
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@click.option(
    "--select", multiple=True, metavar="RULE", help="Only these rules: names, ids, or DS2 for a group."
)
@click.option("--ignore", multiple=True, metavar="RULE", help="Not these rules.")
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.option("--live", is_flag=True, help="Also ask the running services.")
@click.option("--fix", is_flag=True, help="Apply safe fixes; shows the diff.")
@click.option(
    "--unsafe-fixes", "unsafe", is_flag=True, help="Apply also fixes that change values; shows the diff."
)
@click.option("--timings", is_flag=True, help="What each rule costs, on standard error.")
@click.option("--explain-settings", is_flag=True, help="devstack's own options and where each comes from.")
@click.argument("files", nargs=-1, type=click.Path())
def doctor(*, form: str, as_json: bool, explain_settings: bool, files: tuple[str, ...], **given: Any) -> int:
    """Say what is wrong with secrets, URLs, ports and env files.

    FILES are accepted for hooks that pass changed files; the whole stack is always looked at.
    """
    from devstack.commands import doctor as command

    if explain_settings:
        return command.explain_settings(Path.cwd(), os.environ, as_json=as_json or form == "json")
    shown = "json" if as_json else form
    return command.doctor(
        command.Request(folder=Path.cwd(), environment=dict(os.environ), format=shown, **given)
    )


@click.command(epilog="Example: devstack explain url-wrong-port")
@click.argument("rule", required=False)
def explain(rule: str | None) -> int:
    """Print the page of RULE (name or id); without RULE, the list of all rules."""
    from devstack.commands.explain import explain as command

    return command(rule, os.environ)
