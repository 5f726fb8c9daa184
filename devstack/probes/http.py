"""Does it answer a GET as declared?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from devstack.contract.connection import Endpoint
from devstack.contract.plain_http import get
from devstack.probes.base import Answer

TIMEOUT = 1.0
DEFAULT_STATUS = range(200, 400)


async def probe(
    endpoint: Endpoint,
    path: str,
    *,
    status: Sequence[int] | None = None,
    contains: Mapping[str, object] | None = None,
    timeout: float = TIMEOUT,
) -> Answer:
    """GET `path`; right when the status is one of `status` and the JSON answer contains `contains`."""
    found = await get(endpoint, path, timeout=timeout)
    code = found.status
    if code is None:
        return Answer(ok=False, detail=f"GET {path}: {found.problem}")
    if code not in (DEFAULT_STATUS if status is None else status):
        wanted = "" if status is None else f", wanted {' or '.join(map(str, status))}"
        return Answer(ok=False, detail=f"GET {path}: status {code}{wanted}")
    missing = _missing(found.json(), contains) if contains else None
    if missing:
        return Answer(ok=False, detail=f"GET {path}: status {code}, but {missing}")
    return Answer(ok=True, detail=f"GET {path}: status {code}")


def _missing(answer: object, wanted: Mapping[str, object]) -> str | None:
    """What the answer lacks, in words; values of the answer are not repeated."""
    if answer is None:
        return "the answer is not JSON"
    if not isinstance(answer, dict):
        return "the answer is not a JSON object"
    wrong = [key for key, value in wanted.items() if not _contains(answer.get(key), value)]
    return f"`{wrong[0]}` is not {wanted[wrong[0]]!r}" if wrong else None


def _contains(found: object, wanted: object) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(found, dict) and all(_contains(found.get(k), v) for k, v in wanted.items())
    return type(found) is type(wanted) and found == wanted
