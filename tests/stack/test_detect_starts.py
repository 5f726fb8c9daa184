"""`init`: which programs of a repository are services, and how they are started."""

from __future__ import annotations

import json

import pytest

from devstack.stack.model import ServiceType
from tests.stack.test_detect import Devstack, Tree, package, written

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    "script",
    [
        "bun --watch src/index.ts",
        "bun run --hot src/index.ts",
        "ROLE=main LABEL='a b' bun --watch src/index.ts",
        "cross-env NODE_ENV=development nodemon --ignore storage --trace-warnings src/index.ts",
        "cross-env NODE_ENV=development nodemon",
        "tsc && node dist/index.js",
        "dotenv -e .env -- nodemon -w src --exec tsx src/index.ts",
    ],
)
def test_a_server_is_seen_behind_runners_and_settings(tree: Tree, devstack: Devstack, script: str) -> None:
    folder = tree(
        {
            "api/package.json": package({"dev": script}, "hono"),
            "api/src/index.ts": "serve({ port: Number(process.env.PORT ?? 3100) })",
        }
    )
    services = written(folder, devstack).services
    assert {name: (one.type, one.port) for name, one in services.items()} == {"api": (ServiceType.NODE, 3100)}


def test_what_runs_before_the_last_program_and_what_people_type_into_is_no_server(
    tree: Tree, devstack: Devstack
) -> None:
    folder = tree(
        {
            "web/package.json": package(
                {"dev": "bun run ../scripts/prune.ts && next dev --port 3005"}, "next"
            ),
            "desktop/package.json": package({"dev": "bun run build.ts && electron ."}, "electron"),
            "cli/package.json": package({"dev": "node index.js"}, "inquirer"),
            "cli/index.js": "prompt()",
            "tool/package.json": package({"dev": "tsx src/run.ts"}, bin={"tool": "dist/run.js"}),
            "gateway/package.json": package({"dev": "tsx src/run.ts"}, bin="dist/run.js"),
            "gateway/src/run.ts": "createServer(handle).listen(4100)",
        }
    )
    services = written(folder, devstack).services
    assert {name: one.port for name, one in services.items()} == {"web": 3005, "gateway": 4100}


def test_the_script_for_development_is_preferred_to_what_starts_a_build(
    tree: Tree, devstack: Devstack
) -> None:
    scripts = {"start": "node dist/index.js", "start:dev": "ts-node-dev --respawn src/index.ts"}
    folder = tree(
        {
            "package.json": package(scripts, "socket.io"),
            "src/index.ts": "server.listen(process.env.PORT || 3002)",
            "src/index.test.ts": "get('/health')",
        }
    )
    (service,) = written(folder, devstack).services.values()
    assert (service.name, service.command, service.port) == ("ws", "npm run start:dev", 3002)
    assert service.ready is None


def test_pages_of_other_servers_on_vite_are_pages(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            "web/package.json": package(
                {"dev": "npm run env -- react-router dev", "env": "dotenv -e ../.env --"}
            ),
            "admin/package.json": package({"dev": "react-router dev --port 3001"}),
            "shop/package.json": package(
                {"dev": "npm-run-all -p -l dev:*", "dev:vite": "vite --port 3002"}, "vite"
            ),
        }
    )
    services = written(folder, devstack).services
    assert {one.type for one in services.values()} == {ServiceType.VITE}
    assert {name: (one.port, one.command) for name, one in services.items()} == {
        "web": (5173, "npm run dev -- --port 5173"),
        "admin": (3001, None),
        "shop": (3002, "npm run dev:vite"),
    }


def test_a_compiler_that_starts_its_result_is_a_server_and_a_build_script_is_none(
    tree: Tree, devstack: Devstack
) -> None:
    folder = tree(
        {
            "live/package.json": package({"dev": "tsup --watch --onSuccess 'node dist/index.js'"}, "express"),
            "plugin/package.json": package({"dev": "node esbuild.config.mjs"}),
            "shared/package.json": package({"dev": "node scripts/watch.mjs"}),
            "lib/package.json": package({"dev": "tsup --watch"}),
        }
    )
    assert set(written(folder, devstack).services) == {"live"}


def test_a_port_that_an_example_gives_is_no_clash_with_the_fallback_in_the_source(
    tree: Tree, devstack: Devstack
) -> None:
    folder = tree(
        {
            "live/package.json": package({"dev": "tsx src/server.ts"}, "express"),
            "live/src/server.ts": "app.listen(process.env.PORT || 3000)",
            "live/.env.example": "PORT=3100\n",
            "web/package.json": package({"dev": "react-router dev --port 3000"}),
        }
    )
    services = written(folder, devstack).services
    assert {name: one.port for name, one in services.items()} == {"live": 3100, "web": 3000}


@pytest.mark.parametrize("declared", ["npm", "pnpm"])
def test_packages_of_a_workspace_without_a_lockfile_are_installed_at_its_root(
    tree: Tree, devstack: Devstack, declared: str
) -> None:
    root: dict[str, object] = {"private": True, "packageManager": "pnpm@9.0.0"}
    if declared == "npm":
        root = {"private": True, "workspaces": ["apps/*"]}
    folder = tree(
        {
            "package.json": json.dumps(root),
            **({"pnpm-workspace.yaml": "packages:\n  - apps/*\n"} if declared == "pnpm" else {}),
            "apps/web/package.json": package({"dev": "vite"}, "vite", name="web"),
        }
    )
    setup = written(folder, devstack).services["web"].setup
    assert setup is not None
    assert setup.command == f"{declared} install"
    assert (setup.inputs, setup.creates) == (
        ("package.json", "../../package.json"),
        ("../../node_modules",),
    )


@pytest.mark.parametrize(
    ("server", "schemes"),
    [
        ("new WebSocketServer({ port: 4001 })", None),
        ("https.createServer({ key }).listen(4001); new WebSocketServer({ server })", ("wss",)),
    ],
)
def test_wss_to_a_server_without_certificates_is_not_declared_right(
    tree: Tree, devstack: Devstack, server: str, schemes: tuple[str, ...] | None
) -> None:
    folder = tree(
        {
            "web/package.json": package({"dev": "vite"}, "vite"),
            "web/src/main.ts": "new WebSocket(import.meta.env.VITE_WS_URL)",
            "web/.env": "VITE_WS_URL=wss://localhost:4001\n",
            "server/package.json": package({"dev": "tsx index.ts"}, "ws"),
            "server/index.ts": server,
        }
    )
    (link,) = written(folder, devstack).links
    assert (link.to, link.schemes) == ("server", schemes)


def test_a_variable_of_one_folder_is_not_shared_by_its_services(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            "package.json": package({"dev": "next dev", "ws": "node server/index.js"}, "next", "ws"),
            "app/api/token/route.ts": "sign(process.env.AUTH_JWT_SECRET)",
            "server/index.js": "new WebSocketServer({ port: 4001 }); verify(process.env.OTHER_KEY)",
            ".env.local": "AUTH_JWT_SECRET=a-value-that-is-long-enough-to-count\n",
        }
    )
    assert not written(folder, devstack).shared
