"""Proxies between a client and a server: how they name themselves in an answer, and their setting for silence."""

from __future__ import annotations

import re
from collections.abc import Mapping

from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """One kind: its name, and what ends connections on which nothing is sent."""

    name: str
    setting: str


_KINDS = (
    (r"nginx|openresty", Proxy(name="nginx", setting="proxy_read_timeout")),
    (r"envoy", Proxy(name="Envoy", setting="idle_timeout")),
    (r"apache", Proxy(name="Apache", setting="Timeout or ProxyTimeout")),
    (r"cloudflare", Proxy(name="Cloudflare", setting="limit of 100 s")),
    (r"awselb", Proxy(name="the AWS load balancer", setting="idle_timeout.timeout_seconds")),
    (r"heroku|vegur|cowboy", Proxy(name="Heroku's router", setting="limit of 55 s")),
)


def named(headers: Mapping[str, str]) -> Proxy | None:
    """The proxy that `Server` or `Via` names; names of headers in lower case."""
    said = f"{headers.get('server', '')} {headers.get('via', '')}"
    return next((proxy for pattern, proxy in _KINDS if re.search(pattern, said, re.IGNORECASE)), None)
