"""The root command: a table of subcommands whose modules are imported only when they are called."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from devstack import __version__
from devstack.cli import failure
from devstack.errors import ExitCode
from devstack.nearest import did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# name: (module of devstack.cli, one-line help). The help lives here so that `--help` imports no command.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("project", "Write stack.toml for this repository."),
    "up": ("run", "Check, free ports, start everything in order, follow."),
    "down": ("control", "Stop the running stack."),
    "ps": ("control", "State of each service."),
    "logs": ("control", "Output of services, also after the run."),
    "restart": ("control", "Restart services of the running stack."),
    "stop": ("control", "Stop services of the running stack."),
    "start": ("control", "Start services of the running stack."),
    "wait": ("control", "Wait until a service is ready."),
    "run": ("run", "Run a one-off command with a service's environment."),
    "doctor": ("doctor", "Say what is wrong with secrets, URLs, ports and env files."),
    "explain": ("doctor", "The page of a rule."),
    "env": ("env", "The environment each service will really see."),
    "ports": ("ports", "Who holds the declared ports; free them safely."),
    "ws": ("live", "Diagnose a WebSocket step by step."),
    "token": ("live", "Mint or check tokens."),
    "graph": ("project", "Dependency and contract graph."),
    "schema": ("project", "JSON Schema of stack.toml."),
    "export": ("project", "The stack for another engine."),
    "completion": ("project", "Shell completion script."),
}


class LazyGroup(click.Group):
    """Lists commands from the table and imports one module per call."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one module that defines `cmd_name`."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(import_module(f"devstack.cli.{entry[0]}"), cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which name is near."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = did_you_mean(args[0], COMMANDS)
            raise click.UsageError(f"No such command `{args[0]}`" + (f"; {near}" if near else "."), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names from the table, importing none; then the group's own options."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=text)
            for name, (_, text) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: devstack up        (start the stack that ./stack.toml describes)",
)
@click.version_option(__version__, prog_name="devstack", message="%(prog)s %(version)s")
def root() -> None:
    """Start a local stack in order, behind gates, and know why it does not work.

    Reads stack.toml: services, ports, the secrets they share and the URLs that must reach them.
    """


def run(argv: list[str]) -> int:
    """Dispatch `argv`. Raises what the command raises; what click has to say is said here."""
    try:
        code = root.main(args=argv, prog_name="devstack", standalone_mode=False)
        return int(code or 0)
    except click.exceptions.Exit as exit_:
        return int(exit_.exit_code)
    except click.ClickException as problem:
        return failure.usage(problem, argv)
    except click.Abort:  # click has ended the line
        return int(ExitCode.INTERRUPTED)
    except SystemExit as left:
        if isinstance(left.__context__, BrokenPipeError):  # which click takes for a failure
            raise left.__context__ from None
        raise
