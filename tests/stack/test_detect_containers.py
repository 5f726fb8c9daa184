"""`init`: which containers of a compose file a stack needs whose services run on the machine itself."""

from __future__ import annotations

import pytest

from tests.stack.test_detect import Devstack, Tree, package, written

pytestmark = pytest.mark.e2e

API = {
    "api/package.json": package({"dev": "tsx src/index.ts"}, "express"),
    "api/src/index.ts": "app.listen(4000)",
}
DB = "  db:\n    image: postgres:17\n    ports: ['5432:5432']\n"


def test_tools_tests_proxies_and_what_nothing_can_reach_are_left_out_with_the_reason(
    tree: Tree, devstack: Devstack
) -> None:
    compose = (
        f"services:\n{DB}"
        "  db_test:\n    image: postgres:17\n    ports: ['5433:5432']\n"
        "  translate:\n    image: acme/translate\n    profiles: [tools]\n    ports: ['9999:9999']\n"
        "  buckets:\n    image: minio/mc\n    depends_on: [db]\n"
        "  front:\n    image: nginx:1\n    ports: ['8083:80']\n"
        "  sso:\n    image: acme/sso\n    ports: ['8080:8080']\n"
        "    depends_on:\n      sso-db: {condition: service_healthy}\n"
        "  sso-db:\n    image: mariadb:11\n"
        "  mesh:\n    image: acme/mesh\n    network_mode: host\n"
    )
    folder = tree({**API, "compose.yaml": compose})

    out = devstack("init", "--dry-run", cwd=folder).out

    assert "left out of the containers: db_test (for tests)" in out
    assert "left out of the containers: translate (only with profile tools)" in out
    assert "left out of the containers: buckets (no port on this machine)" in out
    assert "left out of the containers: front (a proxy before containers)" in out
    assert "`docker compose up -d db sso sso-db mesh`" in out
    assert set(written(folder, devstack).services) == {"api", "db", "sso", "sso-db", "mesh"}


def test_containers_alone_are_the_stack_except_those_of_a_profile(tree: Tree, devstack: Devstack) -> None:
    compose = "services:\n  app:\n    image: acme/app\n  shell:\n    image: acme/app\n    profiles: [debug]\n"
    assert set(written(tree({"compose.yaml": compose}), devstack).services) == {"app"}


def test_the_file_for_development_is_read_and_named(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            **API,
            "docker-compose.yml": "services:\n  api:\n    build: ./api\n  cache:\n    image: redis\n",
            "docker-compose.local.yml": f"services:\n{DB}",
            "docker-compose.prod.yml": "services:\n  mail:\n    image: acme/mail\n    ports: ['25:25']\n",
        }
    )
    assert (
        "`docker compose -f docker-compose.local.yml up -d db`"
        in devstack("init", "--dry-run", cwd=folder).out
    )
    assert set(written(folder, devstack).services) == {"api", "db"}


def test_a_file_that_only_changes_the_services_of_another_one_is_not_the_one(
    tree: Tree, devstack: Devstack
) -> None:
    change = "services:\n  db:\n    environment: {A: b}\n"
    folder = tree({**API, "compose.dev.yaml": change, "compose.yaml": f"services:\n{DB}"})
    assert set(written(folder, devstack).services) == {"api", "db"}


def test_of_what_is_for_those_who_host_it_only_what_a_service_names_is_taken(
    tree: Tree, devstack: Devstack
) -> None:
    compose = (
        "services:\n  notes-web:\n    image: acme/notes-web\n    ports: ['80:80']\n"
        "  notes:\n    image: acme/notes\n    ports: ['4000:4000']\n"
        "  named:\n    image: postgres\n    ports: ['5444:5432']\n"
        "  unnamed:\n    image: postgres\n    ports: ['5445:5432']\n"
        "  usual:\n    image: redis\n    ports: ['6379:6379']\n"
    )
    folder = tree(
        {
            **API,
            "package.json": package({}, name="notes"),
            "compose.yaml": compose,
            "api/.env.example": "DB_PORT=5444\n",
        }
    )
    out = devstack("init", "--dry-run", cwd=folder).out
    assert "unnamed (for the published images: no service here names its port)" in out
    assert "container notes-web left out" in out
    assert set(written(folder, devstack).services) == {"api", "named", "usual"}


def test_a_service_that_the_file_starts_only_with_a_profile_has_it_too(
    tree: Tree, devstack: Devstack
) -> None:
    compose = "services:\n  sign:\n    build: ./api\n    profiles: [auth]\n"
    services = written(tree({**API, "compose.yaml": f"{compose}{DB}"}), devstack).services
    assert (services["api"].profiles, services["api"].hosts) == (("auth",), ("sign",))


def test_profiles_of_every_service_say_nothing_of_how_they_run_here(tree: Tree, devstack: Devstack) -> None:
    compose = (
        "services:\n  sign:\n    build: ./api\n    profiles: [old]\n"
        f"{DB}    profiles: [default, database]\n  tool:\n    image: x\n    profiles: [old]\n"
    )
    services = written(tree({**API, "compose.yaml": compose}), devstack).services
    assert {name: one.profiles for name, one in services.items()} == {"api": (), "db": ()}


def test_what_an_override_beside_the_file_publishes_is_reachable(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            **API,
            "compose.yml": "services:\n  db:\n    image: postgres:17\n    restart: always\n",
            "compose.override.yml": (
                "services:\n  db:\n    ports: ['5432:5432']\n"
                "  mail:\n    image: axllent/mailpit\n    ports: ['8025:8025']\n"
            ),
            "monitoring/docker-compose.yml": "services:\n  graphs:\n    image: grafana/grafana\n",
        }
    )
    services = written(folder, devstack).services
    assert {name: one.port for name, one in services.items()} == {"api": 4000, "db": 5432, "mail": 8025}


def test_a_database_that_the_file_builds_itself_is_a_container(tree: Tree, devstack: Devstack) -> None:
    compose = "services:\n  store:\n    image: mysql:8\n    build: ./store\n    ports: ['3306:3306']\n"
    assert set(written(tree({**API, "compose.yaml": compose}), devstack).services) == {"api", "store"}


def test_a_container_that_runs_the_source_of_a_service_is_left_out(tree: Tree, devstack: Devstack) -> None:
    compose = (
        "services:\n  stories:\n    image: node:24\n    volumes:\n      - ./web:/app\n    ports:\n      - 6006:6006\n"
        "  db:\n    image: postgres:17\n    volumes:\n      - ./data:/data\n    ports:\n      - 5432:5432\n"
    )
    folder = tree({"web/package.json": package({"dev": "vite"}, "vite"), "docker-compose.yml": compose})
    assert set(written(folder, devstack).services) == {"web", "db"}
    assert "left out of the containers: stories (of the source of web)" in (folder / "stack.toml").read_text()
