"""init, graph, schema, export, completion: argv → `devstack.commands`."""

from __future__ import annotations

from pathlib import Path

import click

from devstack.errors import ExitCode


@click.command(epilog="Example: devstack init --dry-run      (show what would be written)")
@click.option("--template", metavar="NAME", help="Start from a template instead of this repository.")
@click.option("--list-templates", is_flag=True, help="Name the templates.")
@click.option("--dry-run", is_flag=True, help="Show, write nothing.")
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
def init(*, template: str | None, list_templates: bool, dry_run: bool, force: bool, folder: Path) -> int:
    """Write stack.toml for this repository, or start from a template.

    Reads package.json, Python sources, compose files, Procfiles and env files; runs nothing. Says what it
    found and where. Never overwrites a file without --force.
    """
    from devstack.commands import init as command

    if list_templates:
        return command.list_templates()
    request = command.Request(folder=folder, template=template, dry_run=dry_run, force=force)
    return command.init(request)


@click.command(epilog="Example: devstack graph --format mermaid")
@click.option("--format", "format_", type=click.Choice(["text", "mermaid", "dot"]), default="text")
def graph(format_: str) -> int:
    """Show who waits for whom, which URL must reach whom, and which values are shared."""
    from devstack.commands.graph import graph as command

    return command(Path.cwd(), format_)


@click.command(epilog="Example: devstack schema > stack.schema.json")
@click.option("--check", is_flag=True, help="Check stack.toml instead.")
def schema(check: bool) -> int:
    """Print the JSON Schema of stack.toml, for editors."""
    from devstack.commands import schema as command

    return command.check(Path.cwd()) if check else command.schema()


@click.command(epilog="Example: devstack export compose > compose.yaml")
@click.argument("target", type=click.Choice(["procfile", "compose", "systemd"]))
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, file_okay=False), help="Folder to write into."
)
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def export(target: str, output: Path | None, force: bool) -> int:
    """Write the stack for another engine: a Procfile, a compose file or systemd units."""
    from devstack.commands.export import export as command

    return command(Path.cwd(), target, output, force=force)


@click.command(epilog='Example: eval "$(devstack completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the completion script of a shell.

    bash and zsh: put `eval "$(devstack completion bash)"` into the start file of the shell.
    fish: `devstack completion fish > ~/.config/fish/completions/devstack.fish`.
    """
    from click.shell_completion import get_completion_class

    from devstack.cli.app import root

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    click.echo(kind(root, {}, "devstack", "_DEVSTACK_COMPLETE").source())
    return int(ExitCode.OK)
