"""`node --env-file`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from devstack.env.loaders import ecmascript, node_text
from devstack.env.loaders.definitions import Parsed
from devstack.env.loaders.outcome import Found, Result, Values, kept
from devstack.env.loaders.reading import Reading, broken_bytes
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.records import dataclass


def parser(version: str) -> Callable[[str], Parsed]:
    """`util.parseEnv` of a release such as `22.12`, or of the last one of a line such as `22`."""
    if "." in version:
        from devstack.env.loaders import node_text_past

        if (past := node_text_past.parser(version)) is not None:
            return past
    return node_text.parse20 if int(version.partition(".")[0]) < 22 else node_text.parse22


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """`node --env-file=…`: a missing file is an error, what is exported stays, the last file wins.

    Attributes:
        version: as in `parser`.
    """

    version: str = "24"

    @property
    def pin(self) -> str:
        """Kind and version."""
        return f"node@{self.version}"

    def load(self, request: LoadRequest) -> Loaded:
        """Apply Node's rules."""
        reading = Reading(request)
        paths = list(request.files) if request.files is not None else [request.folder / ".env"]
        parsed = parser(self.version)
        files = [
            file
            for path in paths
            if (file := reading.parse(path, ecmascript.decode, parsed, broken_bytes)) is not None
        ]
        for layer in reading.layers:
            if not layer.exists:
                message = f"node: {layer.path.name}: not found; the program does not start"
                reading.issues.append(
                    LoadIssue(path=layer.path, line=None, kind="missing", message=message, fatal=True)
                )
        found = Found(reversed(files) if all(layer.exists for layer in reading.layers) else ())
        results: Mapping[str, Result] = kept(found, request.process)
        if "" in found:  # cannot be put into an environment
            results = {name: result for name, result in results.items() if name}
        return reading.finish(Values(found, results, request.process, lambda _: ()))
