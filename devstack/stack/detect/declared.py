"""The repository's own way to start it against what its source shows: how, what besides, and what not."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from devstack.stack import package, scripts, shell_words
from devstack.stack.detect import languages, node, parallel, python, recipes
from devstack.stack.detect.follow import Follower, Leaf
from devstack.stack.detect.model import Candidate, Detected, Evidence
from devstack.stack.detect.tree import Tree
from devstack.stack.model import FRONTENDS, ServiceType

_JAVASCRIPT = (*FRONTENDS, ServiceType.NODE)
_ENDS = {
    "echo",
    "true",
    "sleep",
    "open",
    "wait-on",
    "rm",
    "mkdir",
    "cp",
    "docker",
    "docker-compose",
    "printf",
    "exit",
    "wait",
}
_ENOUGH = 2


def join(tree: Tree, detected: Detected) -> None:
    """Give services the commands of scripts, Makefiles and READMEs; add what only those know."""
    follower = Follower(tree)
    origin, main = follower.main()
    others = list(_others(tree, follower, detected.services))
    python.join(tree, detected.services, main, may_add=True)
    python.join(tree, detected.services, others, may_add=False)
    _leave_out(tree, detected, origin, main)
    detected.services += languages.find(tree, detected.services, [*main, *others])
    detected.services += _unknown(tree, detected.services, main)


def _others(tree: Tree, follower: Follower, services: list[Candidate]) -> Iterator[Leaf]:
    """What further recipes, scripts and READMEs start, of the root first."""
    folders = dict.fromkeys((tree.root, *(one.project or one.folder for one in services)))
    for folder in folders:
        for recipe in recipes.for_development(recipes.make(tree, folder)):
            yield from follower.recipe(recipe)
    for path in recipes.scripts(tree):
        yield from follower.recipe(recipes.shell(tree, path))
    for folder in folders:
        for recipe in recipes.readme(tree, folder):
            yield from follower.recipe(recipe)


def _leave_out(tree: Tree, detected: Detected, origin: Evidence | None, main: list[Leaf]) -> None:
    """JavaScript services of other packages than those that the root starts together.

    Pages stay where the root starts none, and servers where it starts only one thing: then more is started elsewhere.
    """
    started = {leaf.script[0] for leaf in main if leaf.script is not None} - {tree.root}
    known = [one for one in detected.services if one.kind in _JAVASCRIPT and one.folder != tree.root]
    begun = [one for one in known if one.folder in started]
    kinds = {one.is_frontend for one in begun if one.is_frontend or len(begun) >= _ENOUGH}
    for service in known:
        if service.folder not in started and service.is_frontend in kinds:
            detected.services.remove(service)
            seen = service.evidence[0]
            where = "" if origin is None else f", as {origin.path}:{origin.line} shows"
            detected.notes.append(f"{service.name} left out: not started with the others{where} ({seen})")


def _unknown(tree: Tree, services: list[Candidate], main: list[Leaf]) -> Iterator[Candidate]:
    """Programs that run beside known services, and that nothing but their command is known of."""
    folders = {one.folder for one in services}
    for leaf in main:
        words = scripts.tool(leaf.words)
        if not leaf.is_beside or not words or words[0] in _ENDS or leaf.script is None:
            continue
        folder, script = leaf.script
        own = package.read(folder)
        line = "" if own is None else own.scripts[script]
        is_one_of_many = any(word in line for word in (*parallel.BY_COMMAND, " & "))
        is_known = any(_starts(one, leaf, is_one_of_many=is_one_of_many) for one in services)
        if own is None or is_known or (folder != tree.root and folder in folders):
            continue
        which = package.manager(folder, tree.root)
        text = shlex.join(leaf.words)
        if is_one_of_many and shell_words.outline(text) != text:
            continue  # it holds a secret, which is not written a second time
        evidence = Evidence(path=tree.shown(own.path), line=own.lines.get(script, 1), what=f"script {script}")
        yield Candidate(
            name=leaf.name if leaf.name not in ("", *parallel.MAIN_SCRIPTS) else words[0],
            kind=ServiceType.COMMAND,
            folder=leaf.folder,
            command=node.runnable(text, which) if is_one_of_many else f"{which} run {script}",
            evidence=[evidence],
        )


def _starts(service: Candidate, leaf: Leaf, *, is_one_of_many: bool) -> bool:
    """Whether `leaf` is what starts `service`: a script of that name, or the same words in a line with others."""
    command = tuple((service.command or "").split())
    if any(str(one) == str(leaf.evidence) for one in service.evidence):
        return not is_one_of_many or command[-1:] == leaf.words[-1:]
    if leaf.script is None or service.folder != leaf.script[0]:
        return False
    is_named = not command or command[1:] == ("run", leaf.script[1])
    is_seen = any(one.what.startswith(f"script {leaf.script[1]}:") for one in service.evidence)
    return is_seen and (is_named or command[-len(leaf.words) :] == tuple(" ".join(leaf.words).split()))
