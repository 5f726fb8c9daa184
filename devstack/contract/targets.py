"""From what stack.toml declares to what the WebSocket diagnosis needs: URL, origin, manner, minter.

The good token is signed with the value of the *signing* member of the shared group, as the page's would be,
so that two secrets that differ show as the server really answers them.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from devstack.contract import links, routes, urls, wiring
from devstack.contract.differences import describe
from devstack.contract.members import Effective, Facts
from devstack.contract.protocols import Manner
from devstack.contract.session import Target
from devstack.contract.token_check import Verifier
from devstack.contract.tokens import Minter
from devstack.contract.wiring import Wire
from devstack.errors import UsageError, unknown_service
from devstack.stack.model import FRONTENDS, Expect, Reference, Service, ServiceType, Stack, TokenSpec


def for_service(facts: Facts, name: str) -> Target:
    """What clients of service `name` do. UsageError for an unknown service or one without port and URL."""
    service = _service(facts.stack, name)
    return _target(facts, service, url_of(facts, service))


def for_url(facts: Facts | None, url: str) -> Target:
    """A URL given by hand, with what the stack knows of the service behind it, if it is one of its own."""
    address = urls.parse(url)
    _demand_usable(url, "the URL")
    if address.scheme not in ("ws", "wss") or not address.host:
        raise UsageError(
            f"`{address.shown or url[:40]}` is neither a service of stack.toml nor a ws:// or wss:// URL",
            hint="devstack ws SERVICE, or devstack ws ws://localhost:3001/ws",
        )
    if facts is None:
        return Target(url=url, may_send_token=False)
    found = links.resolve(address, facts.stack).targets
    own = next((target.service for target in found if target.role == "main"), None)
    if own is None:
        return Target(
            url=url, origin=_first_origin(facts.stack), may_send_token=_is_declared(facts, address.host)
        )
    return _target(facts, facts.stack.services[own], url)


def url_of(facts: Facts, service: Service) -> str:
    """Where clients of `service` connect, as ws:// or wss://."""
    path = service.websocket.path if service.websocket else "/"
    if service.url is not None:
        effective = facts.effective(service.url)
        if effective.text:
            _demand_usable(effective.text, f"the URL of `{service.name}` ({wiring.place(facts, effective)})")
            parts = urlsplit(effective.text)
            scheme = "wss" if parts.scheme in ("wss", "https") else "ws"
            return f"{scheme}://{parts.netloc}{path if parts.path in ('', '/') else parts.path}"
    if service.port is None:
        raise UsageError(
            f"service `{service.name}` has neither a port nor a URL to connect to",
            hint=f"add `port = …` to [services.{service.name}] in stack.toml, or give a ws:// URL",
        )
    host = service.host if service.host and service.host not in ("0.0.0.0", "::") else "localhost"
    return f"{'wss' if service.tls else 'ws'}://{urls.bracketed(host)}:{service.port}{path}"


def _demand_usable(text: str, what: str) -> None:
    """UsageError where `text` is a URL that nobody can connect to; without its text, which may hold a password."""
    faults = [fault.value for fault in urls.parse(text).faults]
    try:
        _ = urlsplit(text).port
    except ValueError:
        faults = faults or ["no URL"]
    if faults:
        raise UsageError(
            f"{what} cannot be used: {', '.join(faults)}",
            hint="devstack ws SERVICE, or devstack ws ws://localhost:3001/ws",
        )


def origin_of(stack: Stack, service: Service) -> str | None:
    """The Origin header that a page sends to `service`: declared, else that of the page linked to it."""
    declared = service.websocket.origin if service.websocket else None
    if declared is not None:
        page = stack.services.get(declared)
        return declared if page is None else page_origin(page)
    pages = [stack.services[link.source.service] for link in stack.links if link.to == service.name]
    page = next((page for page in pages if page.type in FRONTENDS), None)
    return page_origin(page) if page else _first_origin(stack)


def page_origin(page: Service) -> str | None:
    """`http://localhost:3000` of a frontend, None without a port."""
    if page.port is None:
        return None
    host = page.host if page.host not in (None, "0.0.0.0", "::", "127.0.0.1", "::1") else "localhost"
    scheme = "https" if page.tls else "http"
    default = 443 if page.tls else 80
    return f"{scheme}://{host}" + ("" if page.port == default else f":{page.port}")


def minter_of(facts: Facts, service: Service) -> Minter | None:
    """How to make tokens that `service` should accept; None without a declaration or a known secret."""
    spec = service.websocket.token if service.websocket else None
    if spec is None:
        return None
    secret = _signing(facts, service, spec)
    if secret is None or not secret.text:
        return None
    return Minter(spec=spec, secret=secret.text, api_key=_livekit_key(facts, service))


def verifiers(facts: Facts) -> tuple[Verifier, ...]:
    """Every service that could verify a token: the members of the groups and references that tokens name."""
    found: dict[tuple[str, str], Verifier] = {}
    for service in facts.stack.services.values():
        spec = service.websocket.token if service.websocket else None
        for effective in _candidates(facts, spec):
            verifier = _verifier(effective, spec, joins_room=_is_livekit(service))
            found.setdefault((effective.service or "", effective.name or ""), verifier)
    for group in facts.stack.shared.values():
        for effective in facts.effective_all(group.members):
            if group.secret and effective.service and effective.text:
                found.setdefault((effective.service, effective.name or ""), _verifier(effective, None))
    return tuple(found.values())


def mismatch(facts: Facts, service: Service) -> str | None:
    """Why a token signed by the stack cannot be right for `service`: signer and verifier differ."""
    spec = service.websocket.token if service.websocket else None
    if spec is None:
        return None
    signer, verifier = _signing(facts, service, spec), _verifying(facts, service, spec)
    if signer is None or verifier is None or not signer.is_known or not verifier.is_known:
        return None
    if signer.text == verifier.text or not signer.text:
        return None
    if not verifier.text:
        return f"{_label(verifier)} has no value"
    return (
        f"signature mismatch: signed with {_label(signer)}, verified with {_label(verifier)};"
        f" they differ {describe(signer.text, verifier.text)}"
    )


def _target(facts: Facts, service: Service, url: str) -> Target:
    spec = service.websocket
    manner = Manner.of(spec)
    return Target(
        url=url,
        service=service.name,
        origin=origin_of(facts.stack, service),
        manner=manner,
        minter=minter_of(facts, service),
        declared_path=spec.path if spec else None,
        routes=_routes(facts.stack, service),
        token_reason=mismatch(facts, service),
        token_places=_token_places(facts, service),
        wires=_wires(facts, service, url),
        must_refuse=spec.rejects_bad_token if spec else False,
        expect=spec.expect if spec else Expect(),
    )


def _wires(facts: Facts, service: Service, url: str) -> tuple[Wire, ...]:
    """The variables that lead here; of a page without a socket of its own, those that lead away from it."""
    if service.type in FRONTENDS and service.websocket is None:
        return tuple(dict.fromkeys((*wiring.same_address(facts, url), *wiring.outgoing(facts, service.name))))
    return tuple(dict.fromkeys((*wiring.towards(facts, service.name), *wiring.same_address(facts, url))))


def _token_places(facts: Facts, service: Service) -> str:
    """`web:JWT_SECRET is in .env:1, ws:JWT_SECRET in server/.env:3`, where the two differ."""
    spec = service.websocket.token if service.websocket else None
    if spec is None or mismatch(facts, service) is None:
        return ""
    pair = (_signing(facts, service, spec), _verifying(facts, service, spec))
    return ", ".join(f"{_label(one)}: {wiring.place(facts, one)}" for one in pair if one is not None)


def _routes(stack: Stack, service: Service) -> tuple[str, ...]:
    if service.type is ServiceType.EXTERNAL:
        return ()
    return routes.find(stack.root / service.dir)


def _service(stack: Stack, name: str) -> Service:
    found = stack.services.get(name)
    if found is not None:
        return found
    raise unknown_service(name, stack.services)


def _candidates(facts: Facts, spec: TokenSpec | None) -> Iterable[Effective]:
    if spec is None:
        return ()
    if isinstance(spec.secret, Reference):
        return (facts.effective(spec.secret),) if facts.effective(spec.secret).text else ()
    group = facts.stack.shared.get(spec.secret)
    members = facts.effective_all(group.members) if group else ()
    return [effective for effective in members if effective.text]


def _signing(facts: Facts, service: Service, spec: TokenSpec) -> Effective | None:
    """The signer's value: a member of another service where there is one, else the service's own."""
    found = list(_candidates(facts, spec))
    other = (effective for effective in found if effective.service != service.name)
    return next(other, found[0] if found else None)


def _verifying(facts: Facts, service: Service, spec: TokenSpec) -> Effective | None:
    if isinstance(spec.secret, Reference):
        return facts.effective(spec.secret)
    group = facts.stack.shared.get(spec.secret)
    members = facts.effective_all(group.members) if group else ()
    return next((effective for effective in members if effective.service == service.name), None)


def _is_livekit(service: Service) -> bool:
    return service.websocket is not None and service.websocket.protocol == "livekit"


def _verifier(effective: Effective, spec: TokenSpec | None, *, joins_room: bool = False) -> Verifier:
    claims = spec.claims if spec else {}
    audience, issuer = claims.get("aud"), claims.get("iss")
    return Verifier(
        service=effective.service or "",
        label=_label(effective),
        secret=effective.text or "",
        algorithm=spec.algorithm if spec else "HS256",
        audience=audience if isinstance(audience, str) else None,
        issuer=issuer if isinstance(issuer, str) else None,
        joins_room=joins_room,
    )


def _label(effective: Effective) -> str:
    if effective.service and effective.name:
        return f"{effective.service}:{effective.name}"
    return effective.member.text or "a literal"


def _livekit_key(facts: Facts, service: Service) -> str | None:
    """LiveKit's API key, read beside the secret: the variable whose name ends in API_KEY."""
    if not _is_livekit(service):
        return None
    keys = [
        effective
        for group in facts.stack.shared.values()
        for effective in facts.effective_all(group.members)
        if effective.text and (effective.name or "").endswith("API_KEY")
    ]
    signing = next((key for key in keys if key.service != service.name), keys[0] if keys else None)
    return signing.text if signing else None


def _first_origin(stack: Stack) -> str | None:
    pages = (service for service in stack.services.values() if service.type in FRONTENDS)
    return next((page_origin(page) for page in pages), None)


def _is_declared(facts: Facts, host: str) -> bool:
    """Whether a link, an external service or an alias of the stack names `host`."""
    if urls.is_loopback(host):
        return True
    named = [facts.effective(service.url).text for service in facts.stack.services.values() if service.url]
    named += [links.link_value(link, facts).text for link in facts.stack.links]
    return host in {urls.parse(text).host for text in named if text}
