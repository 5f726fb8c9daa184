"""From what was seen to why: the pure half of the WebSocket diagnosis.

One verdict per cause, in the order in which causes hide each other: no host, nobody listening, the wrong
program, the wrong path, the wrong origin, the wrong token, a broken or ending connection.
"""

from __future__ import annotations

import re

from devstack.contract.attempt import Answer, Outcome
from devstack.contract.closing import by_compression, closed, rejected
from devstack.contract.evidence import Code, Evidence, Found, Verdict, one_line
from devstack.contract.identity import DEV_SERVERS, HMR_SOCKETS, Program
from devstack.contract.refused import refused
from devstack.contract.tokens import TokenKind
from devstack.contract.urls import is_loopback

PLAIN_ON_TLS = re.compile(rb"plain HTTP request was sent to HTTPS|HTTP request to an HTTPS", re.IGNORECASE)


def decide(evidence: Evidence) -> Verdict:
    """The verdict for `evidence`; total: every combination has one."""
    main = evidence.main
    for judge in (_expected, _host, _transport, _process, _dev_server, refused, _broken, _after_open):
        found = judge(evidence)
        if found is not None:
            code, message, hint = found[0], one_line(found[1]), found[2]
            if code is Code.SUBPROTOCOL_REJECTED:
                # The server shook hands; a browser that offered a subprotocol in vain hangs up by itself.
                return Verdict(code=code, message=message, hint=hint, opened=False, close_code=1006)
            return Verdict(
                code=code, message=message, hint=hint, opened=main.opened, close_code=main.browser_code
            )
    if not main.opened:
        return Verdict(code=Code.NO_ANSWER, message=f"{evidence.where} gave no answer", close_code=1006)
    return Verdict(code=Code.OK, message="opens and stays open", opened=True, close_code=None)


def _expected(evidence: Evidence) -> Found:
    """A refusal that stack.toml expects is the right answer."""
    if not evidence.is_as_declared:
        return None
    main = evidence.main
    how = f"closed with {main.close_code}" if main.opened else f"refused with HTTP {main.status}"
    return Code.OK, f"{how}, as declared", ""


def _host(evidence: Evidence) -> Found:
    main, where = evidence.main, evidence.where
    if main.outcome in (Outcome.UNKNOWN_HOST, Outcome.BAD_URL):
        return (
            Code.UNREACHABLE_HOST,
            f"the host {evidence.host} has no address",
            "a container name resolves only inside its network; a browser needs localhost or a public name",
        )
    if main.outcome is Outcome.UNREACHABLE:
        return Code.UNREACHABLE_HOST, f"{where} cannot be reached: {main.detail}", "check host and network"
    if main.outcome is Outcome.CONNECT_TIMEOUT:
        if is_loopback(evidence.host):
            return (
                Code.NO_ANSWER,
                f"something listens on {where} but does not accept connections: it hangs",
                f"devstack ports {evidence.port} names it; restart it",
            )
        return Code.UNREACHABLE_HOST, f"{where} does not answer: a firewall, or the wrong host", ""
    if main.outcome is Outcome.REFUSED:
        tried = ", ".join(entry.address for entry in main.tried)
        return (
            Code.NOT_LISTENING,
            f"nothing listens on {where} (tried {tried})",
            "start the service (devstack ps says why it is not up), or mend the port of the URL",
        )
    return None


def _transport(evidence: Evidence) -> Found:
    main = evidence.main
    if main.outcome is Outcome.TLS_TO_PLAIN or (main.outcome is Outcome.TLS_FAILED and evidence.over_plain):
        return (
            Code.TLS_MISMATCH,
            f"wss:// to {evidence.where}, which speaks plain HTTP",
            "use ws:// for a local server without a certificate",
        )
    plain_refused = main.status == 400 and PLAIN_ON_TLS.search(main.body) is not None
    if main.outcome is Outcome.PLAIN_TO_TLS or evidence.over_tls or plain_refused:
        return Code.TLS_MISMATCH, f"ws:// to {evidence.where}, which speaks TLS", "use wss://"
    if main.outcome is Outcome.TLS_CERTIFICATE:
        return (
            Code.TLS_MISMATCH,
            f"the certificate of {evidence.where} is not accepted: {main.detail}",
            "trust the local authority (mkcert -install), or use the name that the certificate holds",
        )
    if main.outcome is Outcome.TLS_FAILED:
        return Code.TLS_MISMATCH, f"TLS with {evidence.where} failed: {main.detail}", ""
    return None


def _process(evidence: Evidence) -> Found:
    if evidence.holder is None:
        return None
    return (
        Code.WRONG_PROCESS,
        f"port {evidence.port} is answered by {evidence.holder}",
        f"devstack ports {evidence.port} shows it; devstack ports --kill {evidence.port} frees the port",
    )


def _dev_server(evidence: Evidence) -> Found:
    if evidence.hmr is not None:
        framework = "Next.js" if evidence.hmr.program is Program.NEXT_HMR else "Vite"
        return (
            Code.HMR_SOCKET,
            f"this is {framework}'s hot-reload socket, not the app's ({evidence.hmr.evidence})",
            "point the URL at the backend's port; hmr-port-clash if both claim one port",
        )
    identity = evidence.identity
    if identity is None or evidence.main.opened:
        return None
    if identity.program in HMR_SOCKETS and evidence.main.outcome is not Outcome.STATUS:
        return Code.HMR_SOCKET, "a dev server's hot-reload port answers here", "use the backend's port"
    if identity.program in DEV_SERVERS and _is_unanswered(evidence.main):
        framework = "Next.js" if identity.program is Program.NEXT else "Vite"
        return (
            Code.DEV_SERVER,
            f"{evidence.where} is the {framework} dev server: it never answers this upgrade"
            f" ({identity.evidence})",
            "point the URL at the backend's port, or proxy the path with ws: true to a backend that is up",
        )
    return None


def _is_unanswered(main: Answer) -> bool:
    """No answer at all, a drop, or the page itself: what dev servers do with a foreign upgrade."""
    return main.outcome in (Outcome.NO_ANSWER, Outcome.DROPPED) or main.status in (200, 404, 426)


def _broken(evidence: Evidence) -> Found:
    main = evidence.main
    if main.outcome is Outcome.NOT_HTTP:
        if main.body.strip().lower().startswith(b"unauthorized"):
            return (
                Code.ORIGIN_REJECTED,
                "Next.js blocked this origin",
                "add it to allowedDevOrigins in next.config",
            )
        return (
            Code.NOT_WEBSOCKET,
            f"{evidence.where} does not speak HTTP",
            "another kind of server has this port",
        )
    if main.outcome is not Outcome.BAD_HANDSHAKE:
        return None
    if "subprotocol" in main.detail.lower():
        return _subprotocol()
    if evidence.works_uncompressed:
        return by_compression(f"the server's handshake is wrong ({main.detail})")
    return (
        Code.HANDSHAKE_INVALID,
        f"the server's handshake is wrong: {main.detail}",
        "a proxy may have changed it",
    )


def _subprotocol() -> tuple[Code, str, str]:
    return (
        Code.SUBPROTOCOL_REJECTED,
        "the page offers a subprotocol and the server selects none of them",
        "the server must name one of the offered subprotocols in its answer, or the page must offer none",
    )


def _after_open(evidence: Evidence) -> Found:
    main = evidence.main
    if evidence.without_subprotocol is not None and main.subprotocol is None:
        return _subprotocol()
    if evidence.refused_by_message:
        return rejected(evidence, f"accepted, then {evidence.refused_by_message}")
    if main.closed:
        return closed(evidence)
    if not evidence.is_greeted:
        return (
            Code.NO_ANSWER,
            "opens, but the protocol's own acceptance (such as connection_ack or socket.io's 40) never comes",
            "the server waits in its connection handler, or speaks another protocol than stack.toml declares",
        )
    if evidence.expect.kind != "open":
        wanted = " or ".join(str(code) for code in evidence.expect.codes)
        return (
            Code.BAD_TOKEN_ACCEPTED,
            f"opens and stays open, but stack.toml expects {evidence.expect.kind} {wanted}",
            'the server lets a client in that it must refuse; or declare expect = "open"',
        )
    let_in = [kind for kind, accepted in evidence.tokens.items() if accepted and kind is not TokenKind.GOOD]
    if let_in:
        names = ", ".join(let_in)
        return (
            Code.BAD_TOKEN_ACCEPTED,
            f"the socket opens, but also for: {names}",
            "the server must verify signature, exp and algorithm (algorithms=[…]) before it lets a client in",
        )
    return _crowded(evidence)


def _crowded(evidence: Evidence) -> Found:
    """It opens, but not as often at once as was asked for."""
    crowd = evidence.crowd
    if crowd is None or crowd.opened == crowd.asked:
        return None
    return (
        Code.LIMITED,
        f"opens, but only {crowd.opened} of {crowd.asked} at the same time: {crowd.others}",
        "a limit of the server or of a proxy (per address, per user, in total), or sockets that are never closed",
    )
