"""`init`: what a repository shows becomes a stack.toml that loads and says what is there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from devstack.stack.load import load
from devstack.stack.model import HostPortReference, Reference, ServiceType, Stack

Tree = Callable[[Mapping[str, str | bytes]], Path]
Devstack = Callable[..., Any]

pytestmark = pytest.mark.e2e


def package(scripts: dict[str, str], *dependencies: str, **more: object) -> str:
    return json.dumps(
        {"scripts": scripts, "dependencies": dict.fromkeys(dependencies, "1"), **more}, indent=1
    )


def written(folder: Path, devstack: Devstack) -> Stack:
    done = devstack("init", cwd=folder)
    assert (done.code, done.err) == (0, "")
    return load(folder / "stack.toml")


def links(stack: Stack) -> set[tuple[str, str]]:
    assert all(isinstance(link.source, Reference | HostPortReference) for link in stack.links)
    return {(link.source.text, link.to) for link in stack.links}


def test_a_monorepo_with_next_a_socket_server_and_an_agent(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            "package.json": package({"dev": "turbo dev"}, workspaces=["apps/*"]),
            "pnpm-lock.yaml": "",
            "apps/web/package.json": package({"dev": "next dev --turbo"}, "next"),
            "apps/web/.env.example": "NEXT_PUBLIC_WS_URL=ws://localhost:3001/socket\nJWT_SECRET=\n",
            "apps/web/app/page.tsx": "new WebSocket(process.env.NEXT_PUBLIC_WS_URL!)",
            "apps/web/app/api/token.ts": "sign(process.env.JWT_SECRET)",
            "apps/web/node_modules/x/package.json": package({"dev": "vite"}),
            "apps/ws/package.json": package({"dev": "tsx watch src/index.ts"}, "ws", "dotenv"),
            "apps/ws/src/index.ts": (
                "const secret = process.env.JWT_SECRET || process.env.NEXTAUTH_SECRET || 'dev'\n"
                "const allowed = process.env.CORS_ORIGIN ?? 'http://localhost:3000'\n"
                "new WebSocketServer({ port: Number(process.env.PORT ?? 3001), path: '/socket' })\n"
            ),
            "apps/agent/requirements.txt": "livekit-agents\n",
            "apps/agent/agent.py": (
                "from livekit.agents import WorkerOptions, cli\nimport os\n"
                "url = os.environ['LIVEKIT_URL']\n"
                "if __name__ == '__main__':\n    cli.run_app(WorkerOptions(None))\n"
            ),
            "packages/ui/package.json": package({"dev": "tsc --watch"}),
        }
    )

    stack = written(folder, devstack)

    assert {name: service.type for name, service in stack.services.items()} == {
        "web": ServiceType.NEXT,
        "ws": ServiceType.NODE,
        "agent": ServiceType.LIVEKIT_AGENT,
    }
    assert {name: service.port for name, service in stack.services.items()} == {
        "web": 3000,
        "ws": 3001,
        "agent": None,
    }
    assert stack.services["agent"].command == ".venv/bin/python agent.py dev"
    assert stack.services["agent"].setup is not None
    assert links(stack) == {("web:NEXT_PUBLIC_WS_URL", "ws")}
    assert stack.links[0].path == "/socket"
    assert [member.text for member in stack.shared["jwt-secret"].members] == [
        "web:JWT_SECRET",
        "ws:JWT_SECRET|NEXTAUTH_SECRET",
    ]
    assert [(one.source.text, one.allows) for one in stack.origins] == [("ws:CORS_ORIGIN", ("web",))]
    assert [one.service for one in stack.services["web"].depends_on] == ["ws"]


def test_a_vite_page_with_a_python_backend_and_containers(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            "client/package.json": package({"dev": "vite"}, "vite"),
            "client/vite.config.ts": "export default { server: { host: true, port: 5180 } }",
            "client/src/main.ts": "const u = import.meta.env.VITE_API_URL || 'http://localhost:8350'",
            "client/.env": "VITE_API_URL=\n",
            "backend/main.py": (
                "import os\nfrom fastapi import FastAPI\napp = FastAPI()\n"
                "db = os.getenv('DATABASE_URL')\n"
                "@app.get('/health')\ndef health(): ...\n"
                "@app.websocket('/ws/chat')\nasync def chat(): ...\n"
                "if __name__ == '__main__':\n    import uvicorn\n    uvicorn.run(app, port=8350)\n"
            ),
            "backend/requirements.txt": "fastapi\n",
            "backend/.env.example": "DATABASE_URL=postgresql://app:app@localhost:5433/app\n",
            "backend/.env": "PORT=8350\n",
            "compose.yaml": (
                "services:\n  backend-app:\n    build: ./backend\n"
                "  db:\n    image: postgres:16\n    ports: ['5433:5432']\n"
            ),
        }
    )

    stack = written(folder, devstack)

    assert stack.services["client"].port == 5180
    backend = stack.services["backend"]
    assert (backend.type, backend.port, backend.hosts) == (ServiceType.PYTHON, 8350, ("backend-app",))
    assert backend.command == ".venv/bin/python main.py"
    assert backend.ready is not None
    assert backend.ready.target == "/health"
    assert backend.websocket is not None
    assert backend.websocket.path == "/ws/chat"
    assert stack.services["db"].compose is not None
    assert links(stack) == {("client:VITE_API_URL", "backend"), ("backend:DATABASE_URL", "db")}


def test_services_of_one_folder_keep_their_own_sources(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            "package.json": package({"dev": "next dev", "ws": "tsx server/index.ts"}, "next", "ws"),
            "server/index.ts": "new WebSocketServer({ port: 4001 }); verify(process.env.JWT_SECRET)",
            "app/page.tsx": "process.env.NEXT_PUBLIC_WS_URL ?? 'ws://localhost:4001'",
            "lib/auth.ts": "sign(process.env.JWT_SECRET)",
        }
    )

    stack = written(folder, devstack)

    assert stack.procfile == "Procfile.dev"
    assert (folder / "Procfile.dev").read_text() == "web: npm run dev\nws: npm run ws\n"
    assert stack.services["ws"].source == ("server",)
    assert (stack.services["ws"].port, stack.services["ws"].command) == (4001, "npm run ws")
    assert len(stack.shared["jwt-secret"].members) == 2
    assert links(stack) == {("web:NEXT_PUBLIC_WS_URL", "ws")}


@pytest.mark.parametrize(
    ("name", "fallback", "expected"),
    [
        ("VITE_WS_URL", "ws://localhost:8080/ws", {("web:VITE_WS_URL", "server")}),
        ("VITE_WS_URL", "ws://voice.example.com/ws", set()),
        ("VITE_DOCS_URL", "http://localhost:8080", set()),
    ],
)
def test_a_fallback_that_no_service_hears_is_no_reason_to_lack_the_link(
    tree: Tree, devstack: Devstack, name: str, fallback: str, expected: set[tuple[str, str]]
) -> None:
    folder = tree(
        {
            "web/package.json": package({"dev": "vite"}, "vite"),
            "web/src/main.ts": f"new WebSocket(import.meta.env.{name} || '{fallback}')",
            "web/.env": f"{name}=\n",
            "server/package.json": package({"dev": "tsx index.ts"}, "ws"),
            "server/index.ts": "new WebSocketServer({ port: 4001 })",
        }
    )
    assert links(written(folder, devstack)) == expected


def test_a_procfile_gives_names_and_commands(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            "Procfile": "frontend: cd web && npm run dev\nworker: PORT=${PORT:-9000} ./work --fast\n",
            "web/package.json": package({"dev": "vite"}, "vite"),
        }
    )

    stack = written(folder, devstack)

    assert (stack.services["frontend"].type, stack.services["frontend"].dir) == (ServiceType.VITE, "web")
    assert stack.services["worker"].type is ServiceType.COMMAND
    assert stack.services["worker"].command == "PORT=${PORT:-9000} ./work --fast"
    assert stack.services["worker"].port == 9000


def test_two_pages_get_two_ports_and_it_is_said(tree: Tree, devstack: Devstack) -> None:
    folder = tree({f"apps/{name}/package.json": package({"dev": "next dev"}, "next") for name in ("a", "b")})

    done = devstack("init", "--dry-run", cwd=folder)

    assert "b gets port 3001: 3000 is claimed already" in done.out
    assert not (folder / "stack.toml").exists()


def test_waiting_never_closes_a_cycle(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            "a/package.json": package({"dev": "node server.js"}, "ws"),
            "a/server.js": "listen(process.env.B_URL || 'http://localhost:4002'); server.listen(4001)",
            "b/package.json": package({"dev": "node server.js"}, "ws"),
            "b/server.js": "listen(process.env.A_URL || 'http://localhost:4001'); server.listen(4002)",
        }
    )

    stack = written(folder, devstack)

    assert sorted((link.source.text, link.wait) for link in stack.links) == [
        ("a:B_URL", True),
        ("b:A_URL", False),
    ]


def test_values_are_never_shown(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            "package.json": package({"dev": "node server.js"}, "ws"),
            "server.js": "check(process.env.JWT_SECRET || 'fallback-7d1f'); server.listen(4001)",
            ".env": "JWT_SECRET=value-9b2c\n",
        }
    )

    done = devstack("init", cwd=folder)
    text = done.out + done.err + (folder / "stack.toml").read_text()

    assert "7d1f" not in text
    assert "9b2c" not in text


def test_nothing_is_overwritten_without_force(tree: Tree, devstack: Devstack) -> None:
    folder = tree({"package.json": package({"dev": "vite"}), "stack.toml": "mine"})

    refused = devstack("init", cwd=folder)
    assert (refused.code, (folder / "stack.toml").read_text()) == (5, "mine")
    template = devstack("init", "--template", "next-node-ws", cwd=folder)
    assert (template.code, (folder / "stack.toml").read_text()) == (5, "mine")
    assert not (folder / "ws").exists()

    assert devstack("init", "--force", cwd=folder).code == 0
    assert load(folder / "stack.toml").services


def test_an_empty_folder_and_an_unknown_template_say_what_to_do(tree: Tree, devstack: Devstack) -> None:
    folder = tree({})

    nothing = devstack("init", cwd=folder)
    unknown = devstack("init", "--template", "nxt", cwd=folder)

    assert (nothing.code, unknown.code) == (2, 2)
    assert "--list-templates" in nothing.err
    assert "next-node-ws, vite-python-agent" in unknown.err


@pytest.mark.parametrize(
    "files",
    [
        {"package.json": "{"},
        {"package.json": "[]", "compose.yaml": "services: [a]"},
        {"package.json": '{"scripts": {"dev": "next \'dev"}}', "compose.yaml": "a: *b"},
        {"compose.yaml": "services: {'Ünter Strich': {image: x, ports: ['${P:-1}:1', {published: x}]}}"},
        {"Procfile": "a: 'unclosed\nb b\n", "main.py": b"\xff\xfe\x00load_dotenv()"},
        {
            "file/package.json": '{"scripts": {"dev": "next dev"}}',
            "9x/package.json": '{"scripts": {"dev": "vite"}}',
        },
    ],
)
def test_broken_files_break_nothing(tree: Tree, devstack: Devstack, files: dict[str, str | bytes]) -> None:
    folder = tree(files)

    done = devstack("init", cwd=folder)

    assert done.code in (0, 2)
    assert "Traceback" not in done.err
    if done.code == 0:
        assert load(folder / "stack.toml").services


def test_scripts_that_call_scripts_are_followed_and_a_root_that_starts_packages_is_no_service(
    tree: Tree, devstack: Devstack
) -> None:
    folder = tree(
        {
            "package.json": package(
                {"start": "npm run all", "all": "node scripts/all.js"}, workspaces=["apps/*"]
            ),
            "scripts/all.js": "",
            "apps/web/package.json": package(
                {"dev": "pnpm with-env next dev", "with-env": "dotenv -e ../../.env --"}
            ),
            "apps/api/package.json": package(
                {"start": "pnpm start:dev", "start:dev": "nest start"}, "@nestjs/core"
            ),
            "apps/loop/package.json": package({"dev": "npm run dev"}),
        }
    )
    stack = written(folder, devstack)
    assert {name: one.type for name, one in stack.services.items()} == {
        "web": ServiceType.NEXT,
        "api": ServiceType.NODE,
    }


def test_a_published_image_of_a_service_is_no_second_one_and_the_compose_file_for_development_is_read(
    tree: Tree, devstack: Devstack
) -> None:
    folder = tree(
        {
            "apps/api/package.json": package({"dev": "tsx src/index.ts"}, "express"),
            "docker/community/docker-compose.yml": "services:\n  web:\n    image: acme/web:2\n",
            "docker/local/docker-compose.yml": (
                "services:\n  redis:\n    image: redis\n    ports: ['6379:6379']\n  api:\n    image: acme/api:2\n"
            ),
        }
    )
    assert set(written(folder, devstack).services) == {"api", "redis"}


def test_values_that_frameworks_read_by_themselves_are_shared_and_linked_from_env_files_alone(
    tree: Tree, devstack: Devstack
) -> None:
    folder = tree(
        {
            "web/package.json": package({"dev": "next dev"}, "next", "next-auth"),
            "web/.env.local": (
                "NEXTAUTH_SECRET=one-value\nSESSION_SECRET=web-only\nAGENT_URL=http://localhost:2024\n"
            ),
            "ws/package.json": package({"dev": "node src/index.js"}, "ws", "dotenv"),
            "ws/src/index.js": "new WebSocketServer({ port: 3001 }); verify(process.env.NEXTAUTH_SECRET)\n",
            "ws/.env": "NEXTAUTH_SECRET=one-value\nSESSION_SECRET=ws-only\n",
            "agent/langgraph.json": '{"dependencies": ["."], "graphs": {"agent": "./graph.py:graph"}}',
            "agent/requirements.txt": "langgraph-cli[inmem]\n",
        }
    )

    stack = written(folder, devstack)

    members = {name: [one.text for one in group.members] for name, group in stack.shared.items()}
    assert members == {"nextauth-secret": ["web:NEXTAUTH_SECRET", "ws:NEXTAUTH_SECRET"]}
    assert links(stack) == {("web:AGENT_URL", "agent")}
    agent = stack.services["agent"]
    assert (agent.port, agent.command) == (2024, ".venv/bin/langgraph dev --no-browser --port 2024")
    assert agent.setup is not None


def test_without_a_lockfile_npm_install_is_the_setup(tree: Tree, devstack: Devstack) -> None:
    stack = written(tree({"package.json": package({"dev": "vite"}, "vite")}), devstack)
    setup = stack.services["web"].setup
    assert setup is not None
    assert (setup.command, setup.creates) == ("npm install", ("node_modules",))


def test_what_a_compose_file_builds_and_devstack_does_not_take_is_told(
    tree: Tree, devstack: Devstack
) -> None:
    compose = "services:\n  web:\n    build: ./web\n  db:\n    image: postgres:16\n    ports: ['5432:5432']\n"
    done = devstack("init", cwd=tree({"compose.yaml": compose}))
    assert done.code == 0
    assert "builds web from folders in which nothing was recognised" in done.out
    assert "docker compose up -d db" in done.out


@pytest.mark.parametrize("value", ["!!int ''", "!!bool x", "!!timestamp x", "[" * 2000])
def test_a_compose_file_that_cannot_be_read_is_no_crash(tree: Tree, devstack: Devstack, value: str) -> None:
    folder = tree({"compose.yaml": f"services: {value}\n", "package.json": package({"dev": "vite"}, "vite")})
    assert list(written(folder, devstack).services) == ["web"]


def test_a_home_folder_is_not_searched(tree: Tree, devstack: Devstack) -> None:
    home = tree({"projects/a/package.json": package({"dev": "vite"}, "vite")})
    done = devstack("init", cwd=home, env={"HOME": str(home)})
    assert done.code == 5
    assert "home folder" in done.err
    assert not (home / "stack.toml").exists()


def test_an_own_address_an_ambiguous_port_and_what_a_test_runner_reads_make_no_links(
    tree: Tree, devstack: Devstack
) -> None:
    folder = tree(
        {
            "apps/api/package.json": package({"dev": "PORT=3000 tsx src/index.ts"}, "express"),
            "apps/web/package.json": package({"dev": "next dev"}, "next"),
            "apps/web/.env.example": "BASE_URL=http://localhost:3000\nAGENT_URL=http://localhost:8000\n",
            "apps/web/playwright.config.ts": "export const url = process.env.API_URL ?? 'http://localhost:3000'",
            "apps/web/app/page.tsx": "[process.env.BASE_URL, process.env.AGENT_URL]",
            "agents/one/package.json": package({"dev": "PORT=8000 tsx src/index.ts"}, "express"),
            "agents/two/package.json": package({"dev": "PORT=8000 tsx src/index.ts"}, "express"),
        }
    )
    assert links(written(folder, devstack)) == set()
