"""Why a socket that had opened was ended: by whom, because of what, or because of nothing but time."""

from __future__ import annotations

from devstack.contract import intermediaries
from devstack.contract.attempt import Answer
from devstack.contract.evidence import Code, Evidence, Found
from devstack.contract.refused import AUTH_WORDS, ORIGIN_WORDS, by_origin
from devstack.contract.urls import is_loopback
from devstack.records import dataclass

AUTH_CLOSE_CODES = frozenset({1008, 3000, 3003, 4001, 4003, 4401, 4403})
ENGINE_DESTROYS_AFTER = (0.8, 1.6)
WITHOUT_BLAME = frozenset({None, 1000, 1001, 1006, 1011})
"""Close codes of somebody who ends a connection because of time; None is no close frame."""
SILENCE = 1.0
"""Seconds of silence from which it is asked whether silence was the cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Somebody's usual limit, in seconds; `local` ones are met on a developer's machine, too."""

    low: float
    high: float
    who: str
    local: bool = False


SILENT_FOR = (
    Limit(low=47, high=53, who="HAProxy as Debian configures it (timeout client and server)", local=True),
    Limit(low=53, high=58, who="Heroku's router"),
    Limit(low=58, high=68, who="nginx (proxy_read_timeout) and Apache (Timeout)", local=True),
    Limit(low=58, high=68, who="AWS load balancers"),
    Limit(low=95, high=108, who="Cloudflare"),
    Limit(low=225, high=245, who="Azure App Service"),
    Limit(low=595, high=605, who="AWS API Gateway"),
)
"""Who drops a connection on which nothing was sent for so long."""

ALIVE_FOR = (
    Limit(low=28, high=34, who="Google Cloud's load balancer (the backend service's timeout)"),
    Limit(low=295, high=310, who="Cloud Run (the request timeout)"),
)
"""Who ends every connection at that age, silent or not."""


def closed(evidence: Evidence) -> Found:
    """The cause, for a socket that the other side ended."""
    main = evidence.main
    code, reason = main.close_code, main.close_reason
    if main.invalid:
        if evidence.works_uncompressed:
            return by_compression(f"opened, then sent what is no valid frame ({main.invalid})")
        return (
            Code.HANDSHAKE_INVALID,
            f"opened, then sent what is no valid frame ({main.invalid})",
            "a proxy that changes frames or compression in between, or a server of another protocol",
        )
    if evidence.kept_alive is not None and (found := _by_time(evidence, evidence.kept_alive)) is not None:
        return found
    if code is None or code == 1011:
        return _gone(main)
    shown = f"{code} {_clean(reason)}".strip()
    origin = (
        by_origin(evidence) if evidence.without_origin is not None or ORIGIN_WORDS.search(reason) else None
    )
    if origin is not None:
        return origin
    if code in AUTH_CLOSE_CODES or AUTH_WORDS.search(reason):
        return rejected(evidence, f"accepted, then closed with {shown}")
    return (
        Code.CLOSED,
        f"opened, then closed by the server with {shown}",
        "see the server's log for its reason",
    )


def _gone(main: Answer) -> Found:
    how = "without a close frame" if main.close_code is None else "with 1011"
    low, high = ENGINE_DESTROYS_AFTER
    engine = low <= main.open_seconds <= high and main.close_code is None
    also = "; socket.io on the same HTTP server ends foreign sockets after 1 s" if engine else ""
    return Code.CRASHED, f"opened, then gone {how}: an exception in the server{also}", "see devstack logs"


def may_be_silence(answer: Answer) -> bool:
    """Whether it is worth asking if the same connection lives longer when something is sent."""
    return answer.closed and answer.silent_seconds >= SILENCE and answer.close_code in WITHOUT_BLAME


def _by_time(evidence: Evidence, kept_alive: Answer) -> Found:
    """Silence or age, told apart by a second connection that sent pings."""
    main = evidence.main
    how = "without a close frame" if main.close_code is None else f"with {main.close_code}"
    code = Code.CRASHED if main.close_code is None else Code.CLOSED
    if not kept_alive.opened:
        return None
    if not kept_alive.closed:
        return (
            code,
            f"open and silent for {_seconds(main.silent_seconds)}, then dropped {how}; with a ping now and then"
            f" it stays open, so silence is the cause{_who(evidence, SILENT_FOR, main.silent_seconds)}",
            f"send a ping every {_seconds(min(25.0, main.silent_seconds / 2))} from either side, and let the"
            " page connect again",
        )
    if abs(kept_alive.open_seconds - main.open_seconds) > max(1.0, main.open_seconds * 0.1):
        return None
    return (
        code,
        f"dropped {how} after {_seconds(main.open_seconds)}, with pings as without: a limit on its age, not on"
        f" silence{_who(evidence, ALIVE_FOR, main.open_seconds)}",
        "the server or a proxy ends every connection at this age: raise that limit, and let the page connect again",
    )


def _who(evidence: Evidence, limits: tuple[Limit, ...], seconds: float) -> str:
    """The proxy that named itself, else those whose usual limit this is."""
    proxy = intermediaries.named(evidence.main.headers)
    if limits is SILENT_FOR and proxy is not None:
        return f"; {proxy.name} answers here: see its {proxy.setting}"
    here = is_loopback(evidence.host)
    known = [one.who for one in limits if one.low <= seconds <= one.high and (one.local or not here)]
    return f"; {' and '.join(known)} would do so after this time" if known else ""


def by_compression(how: str) -> Found:
    """The cause when the same connection works as long as no compression is offered."""
    return (
        Code.HANDSHAKE_INVALID,
        f"{how}; without permessage-deflate it works, so compression is what breaks",
        "turn it off in the server (perMessageDeflate: false, compression=None), or mend the proxy in between",
    )


def rejected(evidence: Evidence, how: str) -> Found:
    """The token, or its absence, was the cause."""
    what = "the token" if evidence.has_token else "a client without a token"
    why = f": {evidence.token_reason}" if evidence.token_reason else ""
    return (
        Code.TOKEN_REJECTED,
        f"{how}; {what} was refused{why}",
        "devstack token check tells who would accept it",
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def _clean(reason: str) -> str:
    """A server's text as one short printable line; anything that looks like a token is left out."""
    words = "".join(char if char.isprintable() else " " for char in reason).split()
    return " ".join(word if len(word) < 40 else "…" for word in words)[:123]
