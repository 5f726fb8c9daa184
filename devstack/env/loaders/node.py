"""`node --env-file`."""

from __future__ import annotations

from collections.abc import Mapping

from devstack.env.loaders import ecmascript, node_text
from devstack.env.loaders.outcome import Found, Result, Values, kept
from devstack.env.loaders.reading import Reading, broken_bytes
from devstack.env.model import Loaded, LoadIssue, LoadRequest
from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """`node --env-file=…`: a missing file is an error, what is exported stays, the last file wins."""

    version: int = 24

    @property
    def pin(self) -> str:
        """Kind and version."""
        return f"node@{self.version}"

    def load(self, request: LoadRequest) -> Loaded:
        """Apply Node's rules."""
        reading = Reading(request)
        paths = list(request.files) if request.files is not None else [request.folder / ".env"]
        parser = node_text.parse20 if self.version < 22 else node_text.parse22
        files = [
            file
            for path in paths
            if (file := reading.parse(path, ecmascript.decode, parser, broken_bytes)) is not None
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
