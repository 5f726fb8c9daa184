"""`devstack init`: what a person reads when nothing is found, nothing can be written, or something is unknown."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import clean_environment
from tests.stack.test_detect import Devstack, Tree, package, written

pytestmark = pytest.mark.e2e

PAGES = package({"dev": "vite"}, "vite")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"README.md": "hello"}, "there is no package.json, no Python file, no Procfile and no compose file"),
        ({"src/job.py": "print(1)"}, "no Python file serves anything or is an agent"),
        ({"package.json": package({"build": "tsc"})}, "package.json has no script `dev` or `start`"),
        (
            {"lib/package.json": package({"dev": "API_KEY=abc123 tsup --watch"})},
            "lib/package.json starts no server (`dev`: API_KEY=… tsup --watch)",
        ),
    ],
)
def test_where_nothing_is_found_it_says_what_was_looked_at(
    tree: Tree, devstack: Devstack, files: dict[str, str | bytes], said: str
) -> None:
    folder = tree(files)
    done = devstack("init", cwd=folder)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert "--list-templates" in done.err
    assert not (folder / "stack.toml").exists()


def test_what_cannot_be_written_is_told_with_a_way_out(tree: Tree, devstack: Devstack) -> None:
    folder = tree({"package.json": PAGES})
    (folder / "stack.toml").mkdir()
    done = devstack("init", "--force", cwd=folder)
    assert done.code == 6
    assert "cannot write stack.toml: Is a directory" in done.err
    assert "--dry-run" in done.err


def test_a_full_disk_leaves_the_file_that_was_there(tree: Tree) -> None:
    folder = tree({"package.json": PAGES, "stack.toml": "# mine\n"})
    done = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", sys.executable, "-m", "devstack", "init", "--force"],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 6
    assert "it was not changed" in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["package.json", "stack.toml"]
    assert (folder / "stack.toml").read_text() == "# mine\n"


def test_a_second_stack_of_a_repository_is_told(tree: Tree, devstack: Devstack) -> None:
    folder = tree({"stack.toml": "", ".git/HEAD": "", "apps/web/package.json": PAGES})
    done = devstack("init", cwd=folder / "apps" / "web")
    assert "takes the place of ../../stack.toml" in done.out


def test_what_is_unknown_or_left_out_stands_in_the_file_as_a_comment(tree: Tree, devstack: Devstack) -> None:
    folder = tree(
        {
            "bot/bot.py": "load_dotenv()\nif __name__ == '__main__':\n    main()\n",
            "web/package.json": PAGES,
            "compose.yaml": "services:\n  tool:\n    image: acme/tool\n    profiles: [tools]\n",
        }
    )
    written(folder, devstack)
    text = (folder / "stack.toml").read_text()
    assert "# port = … " in text
    assert '# setup = { command = "…" } ' in text
    assert text.endswith("# left out of the containers: tool (only with profile tools)\n")


def test_without_a_stack_file_the_other_commands_name_init(tree: Tree, devstack: Devstack) -> None:
    done = devstack("up", cwd=tree({"package.json": PAGES}))
    assert done.code == 2
    assert "`devstack init`" in done.err


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"manage.py": "import django"}, "python3 manage.py migrate"),
        ({"alembic.ini": "", "uv.lock": "", "main.py": "app = FastAPI()"}, "uv run alembic upgrade head"),
        (
            {"package.json": package({"dev": "next dev", "db:push": "drizzle-kit push", "push": "git push"})},
            "npm run db:push",
        ),
        ({"package.json": PAGES, "prisma/schema.prisma": ""}, "npx prisma migrate dev"),
        ({"package.json": package({"dev": "vite", "setup": "husky"})}, ""),
    ],
)
def test_what_makes_the_tables_of_a_database_is_named_in_the_file(
    tree: Tree, devstack: Devstack, files: dict[str, str | bytes], command: str
) -> None:
    folder = tree({f"api/{name}": text for name, text in files.items()})
    written(folder, devstack)
    text = (folder / "stack.toml").read_text()
    assert ("# before the first start: " in text) == bool(command)
    assert not command or f"# before the first start: `{command}`, once its database is up" in text


def test_of_several_lockfiles_that_of_the_named_manager_counts(tree: Tree, devstack: Devstack) -> None:
    named = package({"dev": "vite"}, "vite", packageManager="pnpm@10.1.0")
    folder = tree({"package.json": named, "package-lock.json": "{}", "pnpm-lock.yaml": ""})
    setup = written(folder, devstack).services["web"].setup
    assert setup is not None
    assert setup.command == "pnpm install --frozen-lockfile"
