"""`init`: what is written into stack.toml of what a repository holds, and what is left out, with the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from devstack.stack.model import ServiceType
from tests.stack.test_detect import Devstack, Tree, package, written

pytestmark = pytest.mark.e2e

APP = "from fastapi import FastAPI\napp = FastAPI()\n"


def clashes(folder: Path, devstack: Devstack) -> list[str]:
    """What doctor says of ports and of the file itself."""
    rules = ("--select", "port-clash", "--select", "stack-file-invalid")
    done = devstack("doctor", "--format", "json", *rules, cwd=folder)
    return [finding["message"] for finding in json.loads(done.out)["findings"]]


@pytest.mark.parametrize(
    "compose",
    [
        "services:\n  notes:\n    image: registry.example/acme/other\n    ports: ['4000:4000']\n",
        "services:\n  app:\n    image: acme/notes:latest\n    ports: ['8080:4000']\n",
        "services:\n  app:\n    image: acme/notes-py:2\n    ports: ['8080:4000']\n",
        "services:\n  app:\n    image: acme/elsewhere@sha256:00\n    ports: ['4000:80']\n",
    ],
)
def test_a_published_image_beside_the_source_is_left_out_with_the_reason(
    tree: Tree, devstack: Devstack, compose: str
) -> None:
    folder = tree(
        {
            "package.json": package({"dev": "tsx src/index.ts"}, "express", name="notes"),
            "pyproject.toml": '[project]\nname = "notes-py"\n',
            "src/index.ts": "app.listen(4000)",
            "compose.yaml": f"{compose}  db:\n    image: postgres:16\n    ports: ['5432:5432']\n",
        }
    )

    done = devstack("init", "--dry-run", cwd=folder)

    assert " left out: " in done.out
    assert set(written(folder, devstack).services) == {"server", "db"}
    assert clashes(folder, devstack) == []


def test_a_published_image_alone_is_the_stack(tree: Tree, devstack: Devstack) -> None:
    compose = "services:\n  notes:\n    image: acme/notes\n    ports: ['4000:4000']\n"
    assert set(written(tree({"compose.yaml": compose}), devstack).services) == {"notes"}


def test_a_script_that_starts_what_a_build_makes_is_no_second_service(tree: Tree, devstack: Devstack) -> None:
    scripts = {
        "start": "next start",
        "start-server": "node server.js",
        "start:worker": "node worker.js",
        "start:ws": "tsx sockets.ts",
        "dev": "next dev",
        "dev:worker": "tsx worker.js",
    }
    folder = tree(
        {"package.json": package(scripts, "next"), "worker.js": "", "sockets.ts": "port: 4001"},
    )

    stack = written(folder, devstack)

    commands = {name: one.command for name, one in stack.services.items()}
    assert commands == {"web": "npm run dev", "worker": "npm run dev:worker", "ws": "npm run start:ws"}


@pytest.mark.parametrize(
    ("files", "expected", "said"),
    [
        (
            {
                "Procfile": "web: gunicorn main:app\nrelease: ./migrate\nworker: ./work\n",
                "main.py": APP,
                "requirements.txt": "fastapi\n",
            },
            {"server"},
            "left out: web (line 1), release (line 2), worker (line 3)",
        ),
        ({"Procfile": "web: ./serve\nrelease: ./migrate\n"}, {"web"}, "left out: release (line 2)"),
        (
            {
                "Procfile.dev": "web: npm start\nrelease: ./migrate\n",
                "package.json": package({"start": "vite"}),
            },
            {"web"},
            "",
        ),
    ],
)
def test_a_procfile_for_a_deployment_starts_nothing_on_a_developers_machine(
    tree: Tree, devstack: Devstack, files: Mapping[str, str], expected: set[str], said: str
) -> None:
    folder = tree(files)
    assert said in devstack("init", "--dry-run", cwd=folder).out
    assert set(written(folder, devstack).services) == expected


def test_examples_are_no_part_of_the_stack_and_alone_they_are_named(tree: Tree, devstack: Devstack) -> None:
    examples: dict[str, str | bytes] = {
        "examples/chat/client/package.json": package({"dev": "vite"}, "vite"),
        "examples/chat/server/main.py": APP,
        "samples/echo/package.json": package({"dev": "next dev"}, "next"),
    }
    folder = tree(examples)

    refused = devstack("init", cwd=folder)

    assert refused.code == 2
    assert "separate projects: examples/chat, samples/echo" in refused.err
    assert "cd examples/chat && devstack init" in refused.err
    assert not (folder / "stack.toml").exists()
    assert devstack("init", cwd=folder / "examples" / "chat").code == 0
    tree({"package.json": package({"dev": "vite"}, "vite")})
    assert set(written(folder, devstack).services) == {"web"}


def test_many_servers_that_want_one_port_are_separate_projects(tree: Tree, devstack: Devstack) -> None:
    main = f"{APP}if __name__ == '__main__':\n    import uvicorn\n    uvicorn.run(app, port=7860)\n"
    folder = tree({f"{name}/bot/main.py": main for name in ("call", "chat", "dial", "sing")})

    done = devstack("init", cwd=folder)

    assert done.code == 2
    assert "call, chat, dial, sing" in done.err
    assert not (folder / "stack.toml").exists()


def test_many_servers_of_one_workspace_are_one_stack(tree: Tree, devstack: Devstack) -> None:
    names = ("billing", "chat", "search", "users")
    folder = tree(
        {
            "package.json": json.dumps({"private": True, "workspaces": ["services/*"]}),
            **{
                f"services/{name}/{path}": text
                for name in names
                for path, text in (
                    ("package.json", package({"dev": "node --watch main.js"}, "express")),
                    ("main.js", "require('express')().listen(process.env.PORT || 3000)\n"),
                )
            },
        }
    )

    services = written(folder, devstack).services

    assert set(services) == set(names)
    assert len({one.port for one in services.values()}) == len(names)


def test_servers_whose_port_is_a_flag_get_ports_of_their_own(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            **{f"{name}/app.py": APP for name in ("first", "second", "third")},
            "third/.env": "PORT=9100\n",
            "third/settings.py": "port = os.environ['PORT']\n",
        }
    )

    services = written(folder, devstack).services

    assert [one.port for one in services.values()] == [8000, 8001, 9100]
    assert [(one.command or "").split()[-1] for one in services.values()] == ["8000", "8001", "9100"]


def test_of_two_services_that_insist_on_one_port_the_called_one_stays(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            "api/package.json": package({"dev": "node server.js"}, "express"),
            "api/server.js": "app.listen(4000)",
            "old/package.json": package({"dev": "node server.js"}, "express"),
            "old/server.js": "app.listen(4000)",
            "web/package.json": package({"dev": "vite"}, "vite"),
            "web/vite.config.ts": "export default { server: { port: 4000 } }",
        }
    )

    done = devstack("init", "--dry-run", cwd=folder)

    assert "old left out: api has port 4000 too" in done.out
    services = written(folder, devstack).services
    assert {name: one.type for name, one in services.items() if name != "web"} == {"api": ServiceType.NODE}
    assert clashes(folder, devstack) == []


@pytest.mark.parametrize(
    ("scripts", "command"),
    [
        (
            {
                "dev": 'concurrently -n web,api "next dev" "python3 -m uvicorn api.index:app --reload --port 8100"'
            },
            "npx next dev",
        ),
        (
            {
                "dev": "npm run all",
                "all": "run-p dev:*",
                "dev:web": "next dev",
                "dev:api": "uvicorn api.index:app --port=8100",
            },
            "npm run dev:web",
        ),
        (
            {
                "dev": 'concurrently "npm:dev:web" "npm run dev:api"',
                "dev:web": "next dev",
                "dev:api": "pip install -r requirements.txt && python -m uvicorn api.index:app --port 8100",
            },
            "npm run dev:web",
        ),
    ],
)
def test_a_page_and_a_python_backend_of_one_script_are_two_services_of_one_folder(
    tree: Tree, devstack: Devstack, scripts: dict[str, str], command: str
) -> None:
    folder = tree(
        {
            "package.json": package(scripts, "next", "concurrently"),
            "requirements.txt": "fastapi\n",
            "api/index.py": f"import os\n{APP}secret = os.environ['JWT_SECRET']\n",
            "app/page.tsx": "process.env.JWT_SECRET; process.env.NEXT_PUBLIC_API_URL ?? 'http://localhost:8100'",
        }
    )

    stack = written(folder, devstack)

    web, api = stack.services["web"], stack.services["api"]
    assert len(stack.services) == 2
    assert (web.type, web.dir, web.port, web.command) == (ServiceType.NEXT, ".", 3000, command)
    assert (api.type, api.dir, api.port, api.source) == (ServiceType.PYTHON, ".", 8100, ("api",))
    assert (api.command or "").startswith(".venv/bin/")
    assert [link.to for link in stack.links] == ["api"]
    assert [one.text for one in stack.shared["jwt-secret"].members] == ["web:JWT_SECRET", "api:JWT_SECRET"]
    assert clashes(folder, devstack) == []


def test_a_page_and_a_node_server_of_one_script_are_two_services(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            "package.json": package({"dev": 'concurrently "vite" "tsx watch server/index.ts"'}, "vite", "ws"),
            "server/index.ts": "new WebSocketServer({ port: 4010 })",
        }
    )
    services = written(folder, devstack).services
    assert {name: (one.type, one.port, one.command) for name, one in services.items()} == {
        "web": (ServiceType.VITE, 5173, "npx vite"),
        "server": (ServiceType.NODE, 4010, "npx tsx watch server/index.ts"),
    }
    assert services["server"].source == ("server",)


def test_a_django_project_is_started_for_development(tree: Tree, devstack: Devstack) -> None:
    manage = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site.settings')\n"
    folder = tree(
        {
            "Procfile": "web: gunicorn site.wsgi\npostdeploy: python manage.py migrate\n",
            "backend/manage.py": f"{manage}from configurations.management import execute_from_command_line\n",
            "backend/requirements.txt": "django\n",
            "compose.yaml": (
                "services:\n  store:\n    image: amazon/store\n    ports: ['8000:8000']\n"
                "  app:\n    image: site:dev\n    build: {context: ., target: dev}\n"
                "  jobs:\n    image: site:dev\n    command: celery\n"
            ),
        }
    )
    assert "builds app, jobs" in devstack("init", "--dry-run", cwd=folder).out
    services = written(folder, devstack).services
    assert set(services) == {"backend", "store"}
    assert (services["backend"].command, services["backend"].port) == (
        ".venv/bin/python manage.py runserver 8001",
        8001,
    )
    assert clashes(folder, devstack) == []


@pytest.mark.parametrize(
    "files",
    [
        {"package.json": package({"dev": "overmind start -f Procfile.local"})},
        {"Makefile": "run:\n\thoncho -f Procfile.local start\n"},
        {"bin/dev": "#!/bin/sh\nexec foreman start --procfile=Procfile.local\n"},
        {"justfile": "dev:\n    hivemind Procfile.local\n"},
    ],
)
def test_the_procfile_that_the_repository_gives_to_a_runner_is_read(
    tree: Tree, devstack: Devstack, files: dict[str, str | bytes]
) -> None:
    folder = tree({**files, "Procfile": "old: ./old\n", "Procfile.local": "web: ./serve\njobs: ./jobs\n"})
    stack = written(folder, devstack)
    assert (stack.procfile, set(stack.services)) == ("Procfile.local", {"web", "jobs"})
