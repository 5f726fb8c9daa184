"""Ports that command lines name."""

from __future__ import annotations

import pytest

from devstack.rules import listening
from devstack.stack import scripts


@pytest.mark.parametrize(
    ("command", "port"),
    [
        ("npx next dev -p 4000", 4000),
        ("npx http-server public -p8081", 8081),
        ("serve -l 3000", 3000),
        ("serve --listen tcp://127.0.0.1:3000", 3000),
        ("serve -l unix:/tmp/x.sock", None),
        ("flask run -p 5001", 5001),
        ("uv run --env-file .env uvicorn main:app --port=8001", 8001),
        ("uv run -p 3.12 --with rich -- flask run -p 5001", 5001),
        ("poetry run gunicorn -b 127.0.0.1:8000 main:app", 8000),
        ("gunicorn -b :8000 -b :8001 main:app", None),
        ("gunicorn -b fd://3 main:app", None),
        ("hypercorn --bind [::1]:9000 main:app", 9000),
        ("granian --interface asgi --port 8000 main:app", 8000),
        ("daphne -p 8001 site.asgi:application", 8001),
        ("python -u -m http.server 3000", 3000),
        ("python -m http.server --directory public", None),
        ("python -m http.server", None),
        ("python3.12 manage.py runserver", None),
        ("python3.12 manage.py runserver 0:8002", 8002),
        ("php -S localhost:8000 -t public", 8000),
        ("streamlit run app.py --server.port 8501", 8501),
        ("op run --env-file=.env -- vite --port 5174", 5174),
        ("docker run --port 80 nginx", None),
        ("turbo run dev --port 3000", None),
        ("python worker.py 8000", None),
        ("node server.js --port", None),
    ],
)
def test_the_port_of_a_command_is_the_one_its_program_listens_on(command: str, port: int | None) -> None:
    found = listening.told(scripts.tool(tuple(command.split())))
    assert (found and found[0]) == port


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("uv run --directory api python main.py", "uv"),
        ("uv run python main.py", "python"),
        ("poetry run -- python main.py", "python"),
        ("pnpm exec vite", "vite"),
        ("dotenv -e .env -- next dev", "next"),
        ("uv sync", "uv"),
        ("uv run", "uv"),
    ],
)
def test_a_runner_is_taken_off_unless_it_works_elsewhere(command: str, program: str) -> None:
    assert scripts.tool(tuple(command.split()))[0] == program
