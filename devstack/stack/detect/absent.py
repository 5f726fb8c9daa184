"""Why nothing was found in a repository, said of what it has."""

from __future__ import annotations

from collections.abc import Iterator

from devstack.stack import package, shell_words
from devstack.stack.detect import parallel
from devstack.stack.detect.tree import Tree

_NAMED = 3


def why(tree: Tree) -> Iterator[str]:
    """One half-sentence for each kind of thing that could have been a service."""
    packages = [own for path in tree.named("package.json") if (own := package.read(path.parent)) is not None]
    for own in packages[:_NAMED]:
        yield f"{tree.shown(own.path)} {_of_package(own)}"
    if any(path.suffix == ".py" for path in tree.files):
        yield "no Python file serves anything or is an agent"
    if not packages and not any(path.suffix == ".py" for path in tree.files):
        yield "there is no package.json, no Python file, no Procfile and no compose file"


def _of_package(own: package.Package) -> str:
    script = next((name for name in parallel.MAIN_SCRIPTS if name in own.scripts), None)
    if script is None:
        return "has no script `dev` or `start`"
    return f"starts no server (`{script}`: {shell_words.outline(own.scripts[script])[:60]})"
