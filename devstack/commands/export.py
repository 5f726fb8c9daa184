"""`devstack export`: print the stack for another engine, or write its files into a folder."""

from __future__ import annotations

from pathlib import Path

from devstack.errors import ExitCode, RefusedError


def export(folder: Path, target: str, output: Path | None, *, force: bool) -> int:
    """One file goes to standard output unless a folder is named; several are printed one after the other.

    Secrets that stand in stack.toml are named, not copied: the engine takes them from its own environment.
    """
    from devstack.env.secrets import is_masked
    from devstack.stack.export import FORMATS
    from devstack.stack.load import find, load

    files: dict[str, str] = FORMATS[target](load(find(folder)), is_masked)
    if output is None:
        for name, content in files.items():
            heading = f"# {name}\n" if len(files) > 1 else ""
            print(heading + content, end="\n" if len(files) > 1 else "")
        return int(ExitCode.OK)
    held = [name for name in files if (output / name).exists()]
    if held and not force:
        raise RefusedError(f"{', '.join(held)} exists in {output}", hint="--force overwrites it")
    output.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (output / name).write_text(content, encoding="utf-8")
        print(f"wrote {output / name}")
    return int(ExitCode.OK)
