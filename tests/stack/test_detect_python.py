"""`init`: which Python file is the server, where it starts, with which interpreter, and how its packages get there."""

from __future__ import annotations

import json

import pytest

from tests.stack.test_detect import Devstack, Tree, package, written

pytestmark = pytest.mark.e2e

APP = "from fastapi import FastAPI\napp = FastAPI()\n"
RUNS = "if __name__ == '__main__':\n    uvicorn.run('{}', port={})\n"
Files = dict[str, str | bytes]


def only(tree: Tree, devstack: Devstack, files: Files) -> tuple[str, str | None, int | None]:
    (service,) = written(tree(files), devstack).services.values()
    return service.dir, service.command, service.port


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"core/main.py": f"from core.db import x\n{APP}", "core/db.py": "", "pyproject.toml": ""},
            (".", "-m uvicorn core.main:app --port 8000"),
        ),
        ({"api/index.py": f"from .deps import x\n{APP}"}, (".", "-m uvicorn api.index:app --port 8000")),
        (
            {
                "back/src/bot/app.py": f"from bot.db import x\n{APP}",
                "back/src/bot/db.py": "",
                "back/uv.lock": "",
            },
            ("back", "-m uvicorn --app-dir src bot.app:app --port 8000"),
        ),
        (
            {"back/src/app.py": f"import routes\n{APP}", "back/src/routes.py": "", "back/uv.lock": ""},
            ("back", "-m uvicorn --app-dir src app:app --port 8000"),
        ),
        (
            {"sum/sum/main.py": f"from sum.core import x\n{APP}", "sum/sum/core.py": "", "sum/uv.lock": ""},
            ("sum", "-m uvicorn sum.main:app --port 8000"),
        ),
    ],
)
def test_a_server_starts_where_its_imports_are_found(
    tree: Tree, devstack: Devstack, files: Files, expected: tuple[str, str]
) -> None:
    folder, command, _ = only(tree, devstack, files)
    assert (folder, (command or "").partition("python")[2].lstrip("3 ")) == expected


@pytest.mark.parametrize(
    ("files", "command", "port"),
    [
        (
            {
                "app/main.py": "def create_app() -> FastAPI:\n    '''x'''\n\n    app = FastAPI()\n    return app\n"
            },
            "python3 -m uvicorn main:create_app --factory --port 8000",
            8000,
        ),
        (
            {
                "app/factory.py": "def create_app() -> FastAPI:\n    app = FastAPI()\n    return app\n",
                "app/main.py": "from factory import create_app\napp = create_app()\n",
            },
            "python3 -m uvicorn main:app --port 8000",
            8000,
        ),
        (
            {"chat/main.py": f"{APP}sio = AsyncServer()\nserver = socketio.ASGIApp(sio, app)\n"},
            "python3 -m uvicorn main:server --port 8000",
            8000,
        ),
        (
            {
                "back/pyproject.toml": "[tool.poetry]\nname = 'x'\n",
                "back/core/__main__.py": "import uvicorn\nuvicorn.run('core.web:get_app', factory=True)\n",
                "back/core/web.py": "def get_app() -> FastAPI:\n    app = FastAPI()\n",
                "back/core/settings.py": "class Settings(BaseSettings):\n    port: int = 8123\n",
            },
            "poetry run python -m core",
            8123,
        ),
        (
            {
                "main.py": f"from backend.app import app\n{RUNS.format('main:app', 8200)}",
                "backend/app.py": APP,
                "backend/requirements.txt": "",
                "backend/run.py": f"import uvicorn\n{RUNS.format('app:app', 8200)}",
            },
            "python3 main.py",
            8200,
        ),
        (
            {"bot.py": "from pipecat.runner.run import main\nif __name__ == '__main__':\n    main()\n"},
            "python3 bot.py",
            7860,
        ),
    ],
)
def test_the_file_that_runs_the_application_is_the_service(
    tree: Tree, devstack: Devstack, files: Files, command: str, port: int
) -> None:
    assert only(tree, devstack, files)[1:] == (command, port)


def test_evaluations_mocks_scripts_and_tools_are_no_services(tree: Tree, devstack: Devstack) -> None:
    loads = "load_dotenv()\nif __name__ == '__main__':\n    main()\n"
    folder = tree(
        {
            "api/main.py": APP,
            "evals/run.py": loads,
            "loadtest/server.py": APP,
            "scripts/serve.py": APP,
            "once/main.py": loads,
            "tool/agent.py": f"import argparse\nargparse.ArgumentParser()\n{loads}",
            "worker/worker.py": loads,
            "poll/main.py": f"while True:\n    work()\n{loads}",
            "llm/mock_llm.py": APP,
            "web/app_test.py": APP,
        }
    )
    assert set(written(folder, devstack).services) == {"api", "worker", "poll"}


@pytest.mark.parametrize(
    ("files", "python", "setup"),
    [
        ({"poetry.lock": "", "pyproject.toml": ""}, "poetry run python", "poetry install"),
        ({"pyproject.toml": "[tool.pdm]\n"}, "pdm run python", "pdm install"),
        ({"pyproject.toml": "[project]\n[tool.uv.sources]\n"}, "uv run python", "uv sync"),
        (
            {"pyproject.toml": "", "README.md": "`uv sync`, `uv run x`; `poetry install`"},
            "uv run python",
            "uv sync",
        ),
        ({"Pipfile": ""}, "pipenv run python", "pipenv install --dev"),
        ({"pyproject.toml": "[tool.hatch.envs.default]\n"}, "hatch run python", "hatch env create"),
        ({"pyproject.toml": "[project]\n"}, "uv run python", "uv sync"),
        (
            {"pyproject.toml": "[project]\n", ".venv/x": ""},
            ".venv/bin/python",
            "python3 -m venv .venv && .venv/bin/python -m pip install -e .",
        ),
        (
            {"pyproject.toml": "[project]\n[build-system]\n"},
            ".venv/bin/python",
            "python3 -m venv .venv && .venv/bin/python -m pip install -e .",
        ),
        (
            {"requirements.txt": "", "pyproject.toml": "[tool.ruff]\n"},
            ".venv/bin/python",
            "python3 -m venv .venv && .venv/bin/python -m pip install -r requirements.txt",
        ),
    ],
)
def test_the_tool_that_keeps_the_packages_runs_the_service(
    tree: Tree, devstack: Devstack, files: Files, python: str, setup: str
) -> None:
    folder = tree({f"api/{name}": text for name, text in files.items()} | {"api/main.py": APP})
    (service,) = written(folder, devstack).services.values()
    assert (service.command or "").startswith(f"{python} -m uvicorn")
    assert service.setup is not None
    assert service.setup.command == setup


def test_requirements_of_the_repository_serve_its_folders(tree: Tree, devstack: Devstack) -> None:
    folder = tree({"requirements.txt": "", "code/server.py": f"import audio\n{APP}", "code/audio.py": ""})
    (service,) = written(folder, devstack).services.values()
    assert (service.dir, service.command) == ("code", "../.venv/bin/python -m uvicorn server:app --port 8000")
    assert service.setup is not None
    assert service.setup.inputs == ("../requirements.txt",)
    assert service.setup.command.endswith("../.venv/bin/python -m pip install -r ../requirements.txt")


@pytest.mark.parametrize(
    ("settings", "more", "expected"),
    [
        ({"http": {"app": "./main.py:app"}}, {}, "langgraph dev"),
        ({}, {}, "uvicorn"),
        (
            {"http": {"app": "./main.py:app"}},
            {"Makefile": "dev:\n\tuvicorn main:app --port 8001\n"},
            "uvicorn",
        ),
    ],
)
def test_of_an_agent_and_an_application_of_one_project_one_is_started(
    tree: Tree, devstack: Devstack, settings: dict[str, object], more: Files, expected: str
) -> None:
    files: Files = {"requirements.txt": "", "main.py": APP, "langgraph.json": json.dumps(settings), **more}
    folder = tree({f"agent/{name}": text for name, text in files.items()})
    (service,) = written(folder, devstack).services.values()
    assert expected in (service.command or "")
    assert " left out: " in devstack("init", "--dry-run", cwd=folder).out


def test_an_agent_of_langgraph_in_javascript_is_a_service(tree: Tree, devstack: Devstack) -> None:
    scripts = {"dev": "yarn langgraphjs dev --port 54367 --config ../langgraph.json"}
    folder = tree({"agents/package.json": package(scripts), "web/package.json": package({"dev": "vite"})})
    agent = written(folder, devstack).services["agents"]
    assert agent.port == 54367
    assert agent.ready is not None
    assert agent.ready.target == "/ok"


def test_a_command_that_names_a_folder_by_a_dot_is_passed_over(tree: Tree, devstack: Devstack) -> None:
    files: Files = {
        "api/main.py": APP,
        "README.md": "```\npython -m pytest .\nuvicorn main:app --reload .\n```\n",
    }
    assert only(tree, devstack, {**files, "Makefile": "dev:\n\tcd api && python -m http.server .\n"})[0]


AGENT = "from livekit import agents\nif __name__ == '__main__':\n    agents.cli.run_app(options)\n"


@pytest.mark.parametrize(
    ("files", "name", "folder", "command"),
    [
        # A folder that is called as a library is not that library.
        (
            {"livekit/main.py": AGENT, "livekit/requirements.txt": ""},
            "livekit",
            "livekit",
            ".venv/bin/python main.py dev",
        ),
        (
            {"src/server.py": f"import tools\n{APP}", "src/tools.py": "", "uv.lock": ""},
            "server",
            "src",
            "uv run python -m uvicorn server:app --port 8000",
        ),
        (
            {"api/src/server.py": f"import tools\n{APP}", "api/src/tools.py": "", "api/src/uv.lock": ""},
            "api",
            "api/src",
            "uv run python -m uvicorn server:app --port 8000",
        ),
    ],
)
def test_a_service_is_called_by_the_folder_that_says_something_and_runs_where_its_files_are(
    tree: Tree, devstack: Devstack, files: Files, name: str, folder: str, command: str
) -> None:
    (service,) = written(tree(files), devstack).services.values()
    assert (service.name, service.dir, service.command) == (name, folder, command)


def test_the_default_of_a_port_argument_is_the_port(tree: Tree, devstack: Devstack) -> None:
    text = (
        "import argparse, uvicorn\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--port', type=int, default=7860)\n"
        "if __name__ == '__main__':\n    uvicorn.run(app, port=parser.parse_args().port)\n"
    )
    assert only(tree, devstack, {"server.py": APP + text})[2] == 7860


def test_where_the_source_says_which_env_file_it_loads_none_is_written(
    tree: Tree, devstack: Devstack
) -> None:
    settings = "class Settings(BaseSettings):\n    model_config = SettingsConfigDict(env_file='.env')\n"
    files: Files = {".env.example": "A=1\n", "api/main.py": APP, "web/main.py": APP + settings}
    services = written(tree(files), devstack).services
    assert {name: one.env.files for name, one in services.items()} == {"api": ("../.env",), "web": None}


def test_a_name_that_is_cut_ends_with_a_letter(tree: Tree, devstack: Devstack) -> None:
    folder = tree({f"{'x' * 35}-y/main.py": APP, "a-name-that-is-much-longer-than-allowed/main.py": APP})
    assert set(written(folder, devstack).services) == {"x" * 35, "a-name-that-is-much-longer-than-allo"}


def test_the_port_of_the_command_wins_over_the_one_of_an_env_file(tree: Tree, devstack: Devstack) -> None:
    dev = package({"dev": "uvicorn main:app --port 8085"})
    files: Files = {
        "package.json": dev,
        "main.py": f"{APP}import os\nos.getenv('PORT')\n",
        ".env.example": "PORT=8087\n",
    }
    assert only(tree, devstack, {**files, "uv.lock": ""}) == (
        ".",
        "uv run uvicorn main:app --port 8085",
        8085,
    )


def test_a_manage_py_that_only_speaks_of_django_is_none_of_its(tree: Tree, devstack: Devstack) -> None:
    assert only(tree, devstack, {"manage.py": "# as in Django\n", "server.py": APP, "uv.lock": ""})[1:] == (
        "uv run python -m uvicorn server:app --port 8000",
        8000,
    )


def test_a_folder_of_applications_is_no_name(tree: Tree, devstack: Devstack) -> None:
    files: Files = {
        "apps/voice/backend/main.py": f"from apps.voice.backend.x import y\n{APP}",
        "apps/voice/backend/x.py": "",
    }
    assert set(written(tree({**files, "uv.lock": "", "pyproject.toml": ""}), devstack).services) == {"voice"}


def test_a_project_below_the_folder_that_its_imports_begin_in_keeps_its_packages(
    tree: Tree, devstack: Devstack
) -> None:
    files: Files = {
        "apps/api/main.py": f"from api.config import x\n{APP}",
        "apps/api/config.py": "",
        "apps/api/uv.lock": "",
    }
    dir_, command, _ = only(tree, devstack, files)
    assert (dir_, command) == ("apps/api", "uv run python -m uvicorn --app-dir .. api.main:app --port 8000")


def test_a_function_that_returns_the_application_makes_it(tree: Tree, devstack: Devstack) -> None:
    text = "def create_app() -> Litestar:\n    from litestar import Litestar\n\n    return Litestar(plugins=[])\n"
    assert only(tree, devstack, {"asgi.py": text, "uv.lock": ""})[1] == (
        "uv run python -m uvicorn asgi:create_app --factory --port 8000"
    )


def test_whose_settings_name_a_port_keeps_it_before_those_that_only_have_their_framework_s(
    tree: Tree, devstack: Devstack
) -> None:
    settings = "class Settings(BaseSettings):\n    port: int = 5432\n    api_port: int = 8000\n"
    services = written(tree({"a/main.py": APP, "z/main.py": APP, "z/config.py": settings}), devstack).services
    assert {name: one.port for name, one in services.items()} == {"a": 8001, "z": 8000}


def test_what_a_script_starts_from_above_gets_the_packages_that_its_folder_lists(
    tree: Tree, devstack: Devstack
) -> None:
    script = "cd app/front\nnpm run build\ncd ../..\n./.venv/bin/python app/back/app.py\n"
    files: Files = {
        "app/back/app.py": RUNS.format("x", 8765),
        "app/back/requirements.txt": "",
        "app/front/x": "",
    }
    folder = tree({**files, "pyproject.toml": "[tool.ruff]\n", "scripts/start.sh": script})
    (service,) = written(folder, devstack).services.values()
    assert (service.dir, service.command) == (".", ".venv/bin/python app/back/app.py")
    assert service.setup is not None
    assert service.setup.command == (
        "python3 -m venv .venv && .venv/bin/python -m pip install -r app/back/requirements.txt"
    )


def test_pages_for_trying_out_give_way_to_the_server(tree: Tree, devstack: Devstack) -> None:
    gradio = "import gradio\nif __name__ == '__main__':\n    gradio.Blocks().launch()\n"
    assert only(tree, devstack, {"main.py": APP, "app.py": gradio})[2] == 8000


@pytest.mark.parametrize("more", ["", "[build-system]\n"])
def test_a_project_of_a_uv_workspace_has_the_environment_of_the_workspace(
    tree: Tree, devstack: Devstack, more: str
) -> None:
    files: Files = {"uv.lock": "", "apps/api/pyproject.toml": f"[project]\n{more}", "apps/api/main.py": APP}
    (service,) = written(tree(files), devstack).services.values()
    assert (service.dir, service.command) == ("apps/api", "uv run python -m uvicorn main:app --port 8000")
    assert service.setup is not None
    assert (service.setup.inputs, service.setup.creates) == (("../../uv.lock",), ("../../.venv",))
