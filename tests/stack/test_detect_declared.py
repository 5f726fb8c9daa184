"""`init`: what a repository says of how it is started wins over what its source shows."""

from __future__ import annotations

import pytest

from devstack.stack.model import ServiceType
from tests.stack.test_detect import Devstack, Tree, package, written

pytestmark = pytest.mark.e2e

APP = "from fastapi import FastAPI\napp = FastAPI()\n"
TWO: dict[str, str | bytes] = {
    "web/package.json": package({"dev": "vite"}, "vite", name="@acme/web"),
    "api/package.json": package({"dev": "tsx src/index.ts"}, "express", name="@acme/api"),
    "old/package.json": package({"dev": "tsx src/index.ts"}, "express", name="@acme/old"),
}


def root(dev: str, **more: str) -> dict[str, str | bytes]:
    return {"package.json": package({"dev": dev, **more})}


MAKEFILE = """\
DIR = api
.PHONY: dev
dev: ## Both
\t@$(MAKE) -j2 one two
one:
\tcd web && npm run dev
two:
\tcd $(DIR) && \\
\t  npm run dev
"""
SCRIPTED = "dev: one two\none:\n\t-cd web; yarn dev\ntwo:\n\t./api.sh\n"
JUSTFILE = """\
dir := 'web'
dev: (one) two
one:
    cd {{dir}} && npm run dev
two:
    npm --prefix api run dev
"""
TASKFILE = """\
tasks:
  dev:
    deps: [one]
    cmds:
      - task: two
  one:
    dir: web
    cmds: [npm run dev]
  two: {dir: api, cmd: npm run dev}
"""


@pytest.mark.parametrize(
    "files",
    [
        root('npx concurrently "cd api && yarn dev" "npm --prefix web run dev"'),
        root("turbo run dev --filter=@acme/web --filter=./api"),
        root("pnpm --filter @acme/api --filter web --parallel dev"),
        root("npm run dev -w web & npm run dev --workspace=@acme/api"),
        root("nx run-many -t dev -p web,api"),
        root("lerna run dev --scope=@acme/{web,api}"),
        root("A=b run-p dev:*", **{"dev:a": "yarn workspace @acme/api dev", "dev:b": "bun --cwd web dev"}),
        {"Makefile": MAKEFILE},
        {"Makefile": SCRIPTED, "api.sh": "#!/bin/sh\nset -e\ncd api\nexec npm run dev > log\n"},
        {"justfile": JUSTFILE},
        {"Taskfile.yml": TASKFILE},
    ],
)
def test_of_several_packages_those_are_the_stack_that_the_root_starts(
    tree: Tree, devstack: Devstack, files: dict[str, str | bytes]
) -> None:
    folder = tree({**TWO, **files})

    done = devstack("init", "--dry-run", cwd=folder)

    assert "old left out: not started with the others, as " in done.out
    assert set(written(folder, devstack).services) == {"web", "api"}


@pytest.mark.parametrize(
    "files",
    [
        {"package.json": package({"dev": "npm run dev:all", "dev:all": "npm run dev"})},
        {"Makefile": "dev: run\nrun: dev\n\tmake dev\n"},
        {"package.json": package({"dev": "concurrently 'unclosed"}), "Makefile": "dev:\n\techo 'unclosed\n"},
        {"Taskfile.yml": "tasks: {dev: 1, run: [x, {cmd: 2}], start: {cmds: {}, deps: [dev]}}"},
    ],
)
def test_circles_and_broken_texts_are_left_alone(
    tree: Tree, devstack: Devstack, files: dict[str, str | bytes]
) -> None:
    assert {"web", "api", "old"} <= set(written(tree({**TWO, **files}), devstack).services)


def test_pages_stay_where_the_root_starts_servers_only(tree: Tree, devstack: Devstack) -> None:
    files = {**TWO, "package.json": package({"dev": "turbo dev --filter=api --filter=old"})}
    assert set(written(tree(files), devstack).services) == {"web", "api", "old"}


def test_of_several_pages_the_one_that_the_root_starts_is_taken_and_every_server(
    tree: Tree, devstack: Devstack
) -> None:
    files: dict[str, str | bytes] = {
        **TWO,
        "preview/package.json": package({"dev": "vite"}, "vite"),
        "package.json": package({"dev": "turbo dev --filter=@acme/web"}),
    }
    assert set(written(tree(files), devstack).services) == {"web", "api", "old"}


def test_a_program_that_nothing_else_is_known_of_is_a_command(tree: Tree, devstack: Devstack) -> None:
    scripts = {
        "dev": "npm-run-all --parallel dev:backend dev:frontend styles",
        "dev:frontend": "vite",
        "dev:backend": "baas dev --tail-logs",
        "styles": "tailwindcss -w",
    }
    services = written(tree({"package.json": package(scripts, "vite")}), devstack).services
    assert {name: (one.type, one.command) for name, one in services.items()} == {
        "web": (ServiceType.VITE, "npm run dev:frontend"),
        "backend": (ServiceType.COMMAND, "npm run dev:backend"),
        "styles": (ServiceType.COMMAND, "npm run styles"),
    }


def test_of_a_workspace_only_servers_are_services(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            **TWO,
            "package.json": package({"dev": "bun --filter '*' dev"}),
            "guide/package.json": package({"dev": "typedoc --watch & tsc -w"}, name="@acme/guide"),
            "ui/package.json": package({"dev": "concurrently 'tsc -w' 'tailwindcss -w'"}, name="@acme/ui"),
        }
    )
    assert set(written(folder, devstack).services) == {"web", "api", "old"}


SERVE = "uv run uvicorn api.main:app --reload --port 8100"
WITH_SETTING = "dev:\n\tPYTHONPATH=. uv run uvicorn api.main:app --port 8100 --reload-exclude=$(PWD)/x\n"


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"Makefile": f"start-backend:\n\tcd backend && {SERVE}\n"}, SERVE),
        ({"backend/Makefile": f"run:\n\t{SERVE}\n"}, SERVE),
        ({"run_backend.sh": f"cd backend\n{SERVE}\n"}, SERVE),
        ({"bin/dev.sh": f'cd "$(dirname "$0")/.."\ncd backend && {SERVE}\n'}, SERVE),
        ({"README.md": f"Then\n```bash\n$ cd backend\n$ {SERVE}\n```\n"}, SERVE),
        ({"backend/Makefile": WITH_SETTING}, "PYTHONPATH=. uv run uvicorn api.main:app --port 8100"),
    ],
)
def test_a_python_server_is_started_as_the_repository_says(
    tree: Tree, devstack: Devstack, files: dict[str, str | bytes], command: str
) -> None:
    folder = tree({**files, "backend/uv.lock": "", "backend/api/main.py": APP, "backend/worker.py": ""})
    (service,) = written(folder, devstack).services.values()
    assert (service.dir, service.port, service.command) == ("backend", 8100, command)


def test_a_program_beside_others_keeps_its_arguments_and_without_a_name_no_secret(
    tree: Tree, devstack: Devstack
) -> None:
    dev = "concurrently -n ,hooks vite 'stripe listen --to \"a b\"' 'tunnel --auth-token abc123'"
    folder = tree({"package.json": package({"dev": dev}, "vite")})
    services = written(folder, devstack).services
    assert {name: one.command for name, one in services.items()} == {
        "web": "npx vite",
        "hooks": "npx stripe listen --to 'a b'",
    }
    assert "abc123" not in (folder / "stack.toml").read_text()


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("API_KEY=abc123 LEVEL=info uvicorn main:app", "LEVEL=info uvicorn main:app"),
        ("uvicorn main:app --api-token abc123", "python3 -m uvicorn main:app --port 8000"),
    ],
)
def test_secrets_of_a_command_are_not_written(
    tree: Tree, devstack: Devstack, line: str, command: str
) -> None:
    folder = tree({"api/main.py": APP, "api/README.md": f"```sh\n{line}\n```\n"})
    assert "abc123" not in devstack("init", "--dry-run", cwd=folder).out
    assert written(folder, devstack).services["api"].command == command


def test_what_is_for_containers_deployments_and_tests_starts_nothing_here(
    tree: Tree, devstack: Devstack
) -> None:
    makefile = (
        "start-docker:\n\tuvicorn main:app --port 1111\nrun-prod:\n\tuvicorn main:app --port 2222\n"
        "build:\n\tuvicorn main:app --port 3333\n"
    )
    folder = tree(
        {"api/main.py": APP, "api/Makefile": makefile, "README.md": "`uvicorn main:app --port 4444`"}
    )
    (service,) = written(folder, devstack).services.values()
    assert service.port == 8000


def test_pages_wait_for_the_server_that_they_pass_requests_on_to(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            "web/package.json": package({"dev": "vite"}, "vite"),
            "web/vite.config.ts": (
                "export default { server: { proxy: {\n  // '/old': 'http://localhost:9100',\n"
                "  '/api': { target: 'http://127.0.0.1:8100', ws: true } } } }"
            ),
            "api/main.py": f"{APP}if __name__ == '__main__':\n    uvicorn.run(app, port=8100)\n",
            "old/main.py": f"{APP}if __name__ == '__main__':\n    uvicorn.run(app, port=9100)\n",
        }
    )
    web = written(folder, devstack).services["web"]
    assert [one.service for one in web.depends_on] == ["api"]


def test_a_script_that_starts_all_counts_before_the_one_that_starts_less(
    tree: Tree, devstack: Devstack
) -> None:
    scripts = {
        "dev": "npm run dev -w web",
        "dev:all": "concurrently 'npm run dev' 'npm run start:dev -w api'",
    }
    api = package({"start:dev": "nest start --watch"}, "@nestjs/core", name="@acme/api")
    folder = tree({**TWO, "api/package.json": api, "package.json": package(scripts)})
    assert set(written(folder, devstack).services) == {"web", "api"}


def test_a_script_that_is_called_from_the_root_starts_there(tree: Tree, devstack: Devstack) -> None:
    lines = "export A=b\ncd backend/api\npython -m uvicorn src.main:app --port 8123 &\ncd ../..\n"
    files: dict[str, str | bytes] = {
        "backend/api/src/main.py": f"from .x import y\n{APP}",
        "scripts/start-all.sh": lines,
    }
    service = written(tree({**files, "backend/api/uv.lock": ""}), devstack).services["api"]
    assert (service.dir, service.command) == (
        "backend/api",
        "uv run python -m uvicorn src.main:app --port 8123",
    )


@pytest.mark.parametrize(
    ("files", "told", "command", "port"),
    [
        (
            {"go.mod": "gorilla/websocket", "main.go": 'http.ListenAndServe(":3333", nil)'},
            "go run ./cmd/api",
            "go run ./cmd/api",
            3333,
        ),
        ({"go.mod": "", ".env.example": "PORT=3456\n"}, "cp .env.example .env\ngo run .", "go run .", 3456),
        (
            {"Cargo.toml": "", "src/main.rs": 'bind("0.0.0.0:4455")'},
            "RUST_LOG=info cargo run",
            "RUST_LOG=info cargo run",
            4455,
        ),
        ({"mix.exs": ""}, "mix deps.get\nmix phx.server", "mix phx.server", 4000),
        ({"artisan": ""}, "php artisan serve --port=8123", "php artisan serve --port=8123", 8123),
    ],
)
def test_a_server_in_another_language_is_started_as_the_readme_says(
    tree: Tree, devstack: Devstack, files: dict[str, str], told: str, command: str, port: int
) -> None:
    readme = f"```bash\ncd backend\n{told}\n```\n"
    backend = {f"backend/{name}": text for name, text in files.items()}
    folder = tree({**backend, "README.md": readme, "web/package.json": package({"dev": "vite"}, "vite")})
    service = written(folder, devstack).services["backend"]
    assert (service.type, service.dir, service.command, service.port) == (
        ServiceType.COMMAND,
        "backend",
        command,
        port,
    )


def test_of_another_language_nothing_is_started_that_only_builds_and_no_secret_is_copied(
    tree: Tree, devstack: Devstack
) -> None:
    web = package({"dev": "vite"}, "vite")
    told = "```\ngo build ./...\ncd a\nAPI_KEY=abc123 go run .\ncd ../b\ngo run . --auth-token=abc123\n```\n"
    folder = tree({"go.mod": "", "a/go.mod": "", "b/go.mod": "", "README.md": told, "web/package.json": web})
    services = written(folder, devstack).services
    assert {name: one.command for name, one in services.items()} == {"web": None, "a": "go run ."}
    assert "abc123" not in (folder / "stack.toml").read_text()
