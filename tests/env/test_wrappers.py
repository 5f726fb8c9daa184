"""What wrappers of a command put around its program."""

from __future__ import annotations

import pytest

from devstack.env.wrappers import Supply, supplies


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("next dev", []),
        ("vite . --port 3000", []),
        ("uvicorn main:app --app-dir .", []),
        ("dotenv -e ../.env -- next dev", [("dotenv-expand", "../.env", False)]),
        (
            "dotenv -e .env.local -e .env next dev",
            [("dotenv-expand", ".env.local", False), ("dotenv-expand", ".env", False)],
        ),
        ("dotenv -o -e a.env -- x", [("dotenv-expand", "a.env", True)]),
        ("dotenv -- next dev", [("dotenv-expand", ".env", False)]),
        ("dotenv -c -- next dev", [(None, None, False)]),
        ("dotenv -f .env.local run python main.py", [("python-dotenv", ".env.local", True)]),
        ("dotenv run --no-override -- x", [("python-dotenv", ".env", False)]),
        ("doppler run -- npm start", [(None, None, False)]),
        ("set -a && . ../.env && next dev", [(None, None, False)]),
        ("export $(cat ../.env | xargs) && next dev", [(None, None, False)]),
        ("bash ./run.sh", [(None, None, False)]),
        ("make dev", [(None, None, False)]),
        ("python main.py make", []),
        ("node -r dotenv/config x.js dotenv_config_path=../.env", [("dotenv", "../.env", False)]),
        ("uvicorn main:app --env-file .env.local", [("python-dotenv", ".env.local", False)]),
        ("node --env-file=.env.local node_modules/.bin/next dev", [("node", ".env.local", False)]),
        ("uv run --env-file .env main.py", [("uv", ".env", False)]),
        ("uv -q run --env-file a --env-file=b -- python main.py", [("uv", "a b", False)]),
        ("uv run --no-env-file --env-file a main.py", []),
        ("UV_ENV_FILE=.env.local uv run main.py", [("uv", ".env.local", False)]),
        ("export UV_ENV_FILE=.env.local; uv run main.py", [("uv", ".env.local", False)]),
        ("UV_ENV_FILE=.env.local pnpm api", [("uv", ".env.local", False)]),
        ("uv run --directory api --env-file .env main.py", [(None, None, False)]),
        ("uv run uvicorn main:app --env-file .env", [("python-dotenv", ".env", False)]),
        ("uv sync --env-file .env", [(None, None, False)]),
        ("bun --env-file=.env run dev", []),
        ("pnpm with-env next dev", [("dotenv-expand", "../.env", False)]),
        ("pnpm loop", []),
    ],
)
def test_what_a_command_puts_around_its_program(
    text: str, expected: list[tuple[str | None, str | None, bool]]
) -> None:
    scripts = {"with-env": "dotenv -e ../.env --", "loop": "pnpm loop", "api": "uv run main.py"}
    found = supplies(text, scripts, env_file_flag=True)
    assert [(one.loader, " ".join(one.files) or None, one.override) for one in found] == expected


def test_the_flag_is_left_to_whoever_reads_it() -> None:
    assert supplies("node --env-file=.env x.js", {}, env_file_flag=False) == ()
    assert supplies("node --env-file=.env x.js", {}, env_file_flag=True) == (
        Supply(by="--env-file=.env", loader="node", files=(".env",)),
    )
