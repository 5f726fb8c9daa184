"""What an image is by its name: a store that every stack may use, a proxy, or what this repository publishes itself."""

from __future__ import annotations

import re

from devstack.stack import package
from devstack.stack.detect.tree import Tree

_PROJECT = re.compile(r"""^name\s*=\s*['"]([^'"]+)['"]""", re.MULTILINE)
_TAG = re.compile(r"(?::[^/]*)?(?:@.*)?$")
_STORES = {
    *("postgres", "postgis", "pgvector", "timescaledb", "mysql", "mariadb", "mongo", "redis", "redis-stack"),
    *("valkey", "keydb", "memcached", "rabbitmq", "nats", "kafka", "elasticsearch", "opensearch", "minio"),
    *("meilisearch", "typesense", "qdrant", "weaviate", "chroma", "clickhouse-server", "neo4j", "cassandra"),
}
_PROXIES = {"nginx", "nginx-proxy", "caddy", "traefik", "haproxy", "envoy", "nginx-unprivileged"}


def is_store(image: str) -> bool:
    """Whether it is a well-known database, cache, broker or file store."""
    return _last(image) in _STORES


def is_proxy(image: str) -> bool:
    """Whether it passes requests on to other containers."""
    return _last(image) in _PROXIES


def own(tree: Tree) -> set[str]:
    """What an image of this repository would be called: its folder, its package, its Python project."""
    found = package.read(tree.root)
    project = _PROJECT.search(tree.text(tree.root / "pyproject.toml"))
    names = (tree.root.name, found.name if found else "", project[1] if project else "")
    return {name.lower() for name in names if name}


def is_own(tree: Tree, image: str) -> bool:
    """Whether `image` has one of these names; or the beginning of one, from nobody's registry, beside a Dockerfile."""
    path, names = _TAG.sub("", image.lower()), own(tree)
    if _last(image) in names:
        return True
    is_local = "/" not in path and not is_store(image) and (tree.root / "Dockerfile").is_file()
    return is_local and any(name.startswith(f"{path}-") for name in names)


def publisher(image: str) -> str:
    """The registry and account it comes from; "" for the public library's."""
    return _TAG.sub("", image.lower()).rpartition("/")[0]


def _last(image: str) -> str:
    return _TAG.sub("", image.lower()).rpartition("/")[2]
