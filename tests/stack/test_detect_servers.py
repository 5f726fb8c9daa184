"""`init`: programs of frameworks that serve, workers, and sockets, each with its command and port."""

from __future__ import annotations

import json

import pytest

from devstack.stack.model import Service, ServiceType
from tests.stack.test_detect import Devstack, Tree, package, written

pytestmark = pytest.mark.e2e

Files = dict[str, str | bytes]
NODE, VITE = ServiceType.NODE, ServiceType.VITE
APP = "from fastapi import FastAPI\napp = FastAPI()\n"
PYTHON: Files = {"requirements.txt": ""}


def only(tree: Tree, devstack: Devstack, files: Files) -> Service:
    (service,) = written(tree(files), devstack).services.values()
    return service


@pytest.mark.parametrize(
    ("script", "kind", "command", "port"),
    [
        ({"dev": "nuxt dev"}, NODE, "npm run dev -- --port 3000", 3000),
        ({"dev": "nuxi dev --port 4000"}, NODE, None, 4000),
        ({"dev": "astro dev"}, VITE, "npm run dev -- --port 4321", 4321),
        ({"dev": "astro dev --port 4400"}, VITE, None, 4400),
        ({"start": "react-scripts start"}, NODE, None, 3000),
        ({"start": "PORT=3100 craco start"}, NODE, None, 3100),
        ({"start": "ng serve"}, NODE, "npm run start -- --port 4200", 4200),
        ({"start": "vue-cli-service serve"}, NODE, "npm run start -- --port 8080", 8080),
        ({"start": "expo start"}, NODE, "npm run start -- --port 8081", 8081),
        ({"dev": "npm run gen && wrangler dev", "gen": "x"}, NODE, "npm run dev -- --port 8787", 8787),
        ({"dev": "mastra dev"}, NODE, None, 4111),
        ({"dev": "partykit dev"}, NODE, "npm run dev -- --port 1999", 1999),
        ({"dev": "dotenv -e .env.local -- partykit dev"}, NODE, "npm run dev -- --port 1999", 1999),
    ],
)
def test_a_framework_s_own_server_is_started_on_its_port(
    tree: Tree, devstack: Devstack, script: dict[str, str], kind: ServiceType, command: str | None, port: int
) -> None:
    service = only(tree, devstack, {"web/package.json": package(script)})
    assert (service.type, service.command, service.port) == (kind, command, port)


@pytest.mark.parametrize(
    ("script", "config", "text", "port"),
    [
        ("partykit dev", "partykit.json", json.dumps({"name": "x", "port": 1998}), 1998),
        ("wrangler dev", "wrangler.toml", "[dev]\nport = 8123\n", 8123),
        ("mastra dev", "src/mastra/index.ts", "new Mastra({ server: { port: 4112 } })", 4112),
        ("nuxt dev", "nuxt.config.ts", "export default { devServer: { port: 3210 } }", 3210),
        ("astro dev", "astro.config.mjs", "export default { server: { port: 4500 } }", 4500),
    ],
)
def test_the_port_of_a_framework_s_configuration_is_its_port(
    tree: Tree, devstack: Devstack, script: str, config: str, text: str, port: int
) -> None:
    service = only(tree, devstack, {"a/package.json": package({"dev": script}), f"a/{config}": text})
    assert (service.command, service.port) == (None, port)


def test_two_page_servers_of_one_port_move_apart_and_what_the_pages_call_is_a_link(
    tree: Tree, devstack: Devstack
) -> None:
    stack = written(
        tree(
            {
                "site/package.json": package({"dev": "nuxt dev"}),
                "site/.env": "NUXT_PUBLIC_WS_URL=ws://localhost:1999\n",
                "admin/package.json": package({"dev": "next dev"}, "next"),
                "party/package.json": package({"dev": "partykit dev"}),
            }
        ),
        devstack,
    )
    ports = [stack.services[name].port for name in ("admin", "site")]
    assert sorted(port or 0 for port in ports) == [3000, 3001]
    assert [(link.source.text, link.to) for link in stack.links] == [("site:NUXT_PUBLIC_WS_URL", "party")]


def test_a_worker_of_cloudflare_reads_its_own_file(tree: Tree, devstack: Devstack) -> None:
    files: Files = {"a/package.json": package({"dev": "wrangler dev"}), "a/.dev.vars": "A=1\n"}
    assert only(tree, devstack, files).env.files == (".dev.vars",)


def test_of_programs_that_run_side_by_side_each_has_its_framework_s_port(
    tree: Tree, devstack: Devstack
) -> None:
    dev = "concurrently -n web,party,agent 'next dev' 'partykit dev' 'npm run agent'"
    folder = tree({"package.json": package({"dev": dev, "agent": "mastra dev"}, "next")})
    services = written(folder, devstack).services
    assert {name: (one.type, one.port) for name, one in services.items()} == {
        "web": (ServiceType.NEXT, 3000),
        "party": (NODE, 1999),
        "agent": (NODE, 4111),
    }


def test_of_two_scripts_for_one_file_the_one_that_watches_is_the_service(
    tree: Tree, devstack: Devstack
) -> None:
    scripts = {"dev": "next dev", "worker": "tsx src/worker.ts", "dev:worker": "tsx watch src/worker.ts"}
    folder = tree({"a/package.json": package(scripts, "next"), "a/src/worker.ts": "new Worker('q', f)"})
    services = written(folder, devstack).services
    assert {name: one.command for name, one in services.items()} == {
        "a": None,
        "worker": "npm run dev:worker",
    }


@pytest.mark.parametrize(
    ("files", "command", "port"),
    [
        (
            {"app.py": "import chainlit as cl\n@cl.on_message\nasync def main(m): pass\n"},
            "chainlit run app.py --headless --port 8000",
            8000,
        ),
        (
            {"Home.py": "import streamlit as st\n", "pages/one.py": "import streamlit as st\n"},
            "streamlit run Home.py --server.headless true --server.port 8501",
            8501,
        ),
        (
            {
                "app.py": "import gradio as gr\ngr.Blocks().launch(server_port=7861)\nif __name__ == '__main__': pass"
            },
            "python app.py",
            7861,
        ),
        (
            {
                "app.py": "import tornado.web\nif __name__ == '__main__':\n    app.listen(8888)\n"
                "    tornado.ioloop.IOLoop.current().start()\n"
            },
            "python app.py",
            8888,
        ),
        (
            # What another one mounts is served there.
            {
                "main.py": f"{APP}mount_chainlit(app=app, target='cl.py', path='/c')\n",
                "cl.py": "import chainlit as cl\n@cl.on_message\nasync def main(m): pass\n",
            },
            "python -m uvicorn main:app --port 8000",
            8000,
        ),
    ],
)
def test_a_python_file_is_run_by_the_program_that_it_is_written_for(
    tree: Tree, devstack: Devstack, files: Files, command: str, port: int
) -> None:
    service = only(tree, devstack, {f"a/{name}": text for name, text in (PYTHON | files).items()})
    assert (service.command, service.port) == (f".venv/bin/{command}", port)


def test_pages_that_only_the_readme_names_are_a_service(tree: Tree, devstack: Devstack) -> None:
    told = "```\nstreamlit run x.py --server.port 8600\n```"
    service = only(tree, devstack, {**PYTHON, "x.py": "import streamlit as st\n", "README.md": told})
    assert (service.command, service.port) == (".venv/bin/streamlit run x.py --server.port 8600", 8600)


QUEUE = "app = Celery('t')\n"


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"worker.py": QUEUE}, "celery -A worker worker --loglevel info"),
        (
            {"jobs/queue.py": "import celery\napp: X = celery.Celery('t')\n", "jobs/__init__.py": ""},
            "celery -A jobs.queue worker --loglevel info",
        ),
        (
            {
                "worker.py": QUEUE,
                "README.md": "```\ncelery -A worker beat\ncelery -A worker worker -c 2\n```",
            },
            "celery -A worker worker -c 2",
        ),
        ({"tasks.py": "class WorkerSettings:\n    functions = []\n"}, "arq tasks.WorkerSettings"),
    ],
)
def test_what_takes_work_from_a_queue_is_a_service_beside_the_one_that_puts_it_there(
    tree: Tree, devstack: Devstack, files: Files, command: str
) -> None:
    main = f"from worker import celery_app\n{APP}import os\nos.environ['REDIS_URL']\n"
    folder = tree({f"api/{name}": text for name, text in {**PYTHON, **files, "main.py": main}.items()})
    services = written(folder, devstack).services
    assert {name: (one.command, one.source) for name, one in services.items()} == {
        "api": (".venv/bin/python -m uvicorn main:app --port 8000", None),
        "worker": (f".venv/bin/{command}", None),
    }
    assert "# port = " not in (folder / "stack.toml").read_text()


@pytest.mark.parametrize(
    ("installed", "needed", "command"),
    [
        ("'daphne', 'channels'", "daphne", "manage.py runserver 8000"),
        ("'channels'", "uvicorn[standard]", "-m uvicorn proj.asgi:application --port 8000"),
        ("'channels'", "daphne", "-m daphne proj.asgi:application -p 8000"),
    ],
)
def test_the_sockets_of_django_are_served_by_what_can(
    tree: Tree, devstack: Devstack, installed: str, needed: str, command: str
) -> None:
    service = only(
        tree,
        devstack,
        {
            "chat/manage.py": "import django\n",
            "chat/requirements.txt": f"django\n{needed}\n",
            "chat/proj/settings.py": f"INSTALLED_APPS = [{installed}]\n",
            "chat/proj/asgi.py": "from channels.routing import ProtocolTypeRouter\napplication = 1\n",
            "chat/proj/routing.py": "urls = [re_path(r'^ws/chat/(?P<room>\\w+)/$', Consumer.as_asgi())]\n",
        },
    )
    assert service.command == f".venv/bin/python {command}"
    assert service.websocket is not None
    assert service.websocket.path == "/ws/chat/"


def test_an_agent_alone_at_the_root_has_all_of_it_as_its_source(tree: Tree, devstack: Devstack) -> None:
    agent = "from livekit.agents import cli\nif __name__ == '__main__':\n    cli.run_app(options)\n"
    service = only(tree, devstack, {"agent.py": agent, "tools.py": "", "pyproject.toml": "[project]\n"})
    assert (service.command, service.source) == ("uv run python agent.py dev", None)


@pytest.mark.parametrize(
    ("source", "path"),
    [
        (
            "Bun.serve({ port: 3005, websocket: { message() {} }, fetch(r, server) { server.upgrade(r) } })",
            None,
        ),
        ("new Elysia().ws('/chat', {}).listen(3005)", "/chat"),
        ("app.get('/live', upgradeWebSocket(() => ({})))\nserve({ fetch: app.fetch, port: 3005 })", "/live"),
        ("app.get('/live', { websocket: true }, handler)\napp.listen({ port: 3005 })", "/live"),
        ("expressWs(app)\napp.ws('/echo', () => {})\napp.listen(3005)", "/echo"),
    ],
)
def test_a_server_takes_sockets_where_its_source_says_so(
    tree: Tree, devstack: Devstack, source: str, path: str | None
) -> None:
    pages = "const url = process.env.NEXT_PUBLIC_WS_URL\n"
    stack = written(
        tree(
            {
                "live/package.json": package({"dev": "bun --hot index.ts"}),
                "live/index.ts": source,
                "web/package.json": package({"dev": "next dev"}, "next"),
                "web/page.ts": pages,
            }
        ),
        devstack,
    )
    live = stack.services["live"]
    assert live.port == 3005
    assert (None if live.websocket is None else live.websocket.path) == path
    assert [(link.source.text, link.to) for link in stack.links] == [("web:NEXT_PUBLIC_WS_URL", "live")]


def test_what_a_configuration_service_reads_counts_as_any_read(tree: Tree, devstack: Devstack) -> None:
    nest = package({"start:dev": "nest start --watch"}, "@nestjs/core")
    main = (
        "const port = configService.get<string>('PORT_{0}', '{1}')\nconfig.get<string>('JWT_SECRET') || 'x'\n"
    )
    folder = tree(
        {
            "live/package.json": nest,
            "live/src/main.ts": main.format("LIVE", 4006),
            "mail/package.json": nest,
            "mail/src/main.ts": main.format("MAIL", 4007)
            + "config.get('LIVE_URL', 'http://localhost:4006')\n",
        }
    )
    stack = written(folder, devstack)
    assert {name: one.port for name, one in stack.services.items()} == {"live": 4006, "mail": 4007}
    assert [member.text for member in stack.shared["jwt-secret"].members] == [
        "live:JWT_SECRET",
        "mail:JWT_SECRET",
    ]
    assert [(link.source.text, link.to) for link in stack.links] == [("mail:LIVE_URL", "live")]


def test_a_worker_is_no_second_host_of_its_image_and_has_no_origins(tree: Tree, devstack: Devstack) -> None:
    compose = "services:\n  backend:\n    build: ./api\n  jobs:\n    build: ./api\n"
    source = f"{APP}import os\nos.environ['CORS_ORIGINS']\nos.environ['FRAME_ALLOWED_ORIGINS']\n"
    stack = written(
        tree(
            {
                "api/main.py": source,
                "api/worker.py": QUEUE,
                "web/package.json": package({"dev": "vite"}, "vite"),
                "docker-compose.yml": compose,
            }
        ),
        devstack,
    )
    assert stack.services["api"].hosts == ("backend", "jobs")
    assert [one.source.text for one in stack.origins] == ["api:CORS_ORIGINS"]
