"""What is shipped: wheel and sdist hold the templates, and the installed command works without the sources."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import clean_environment

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.e2e


def run(*argv: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = clean_environment()
    environment.pop("PYTHONPATH", None)
    return subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of the work tree, and the wheel built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an empty venv with only the wheel in it; dependencies are borrowed from this one."""
    place = tmp_path_factory.mktemp("venv")
    wheel = next(built.glob("*.whl"))
    run(sys.executable, "-m", "venv", "--without-pip", place, cwd=place)
    python = place / "bin/python"
    install = ("install", "--no-deps", "--no-index", wheel)
    done = run(sys.executable, "-m", "pip", "--python", python, *install, cwd=place)
    assert done.returncode == 0, done.stderr
    packages = Path(
        run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=place).stdout.strip()
    )
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(python, "-c", "import devstack; print(devstack.__file__)", cwd=place).stdout
    assert where.startswith(str(packages))
    return place / "bin/devstack"


def names(path: Path) -> Iterator[str]:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            yield from archive.namelist()
    else:
        with tarfile.open(path) as archive:
            yield from (name.partition("/")[2] for name in archive.getnames())


def test_wheel_and_sdist_hold_every_template_and_nothing_built(built: Path) -> None:
    shipped = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "templates").rglob("*") if path.is_file()
    }
    wheel, sdist = (set(names(next(built.glob(pattern)))) for pattern in ("*.whl", "*.tar.gz"))

    assert shipped
    assert {f"devstack/{name}" for name in shipped} <= wheel
    assert shipped <= sdist
    assert not [name for name in wheel | sdist if {"node_modules", "__pycache__"} & set(Path(name).parts)]
    assert not [name for name in wheel if name.startswith(("tests/", "examples/"))]


def test_the_installed_command_shows_its_help(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "--help", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "Write stack.toml for this repository." in done.stdout


def test_a_template_from_the_wheel_loads(installed: Path, tmp_path: Path) -> None:
    listed = run(installed, "init", "--list-templates", cwd=tmp_path)
    found = [line.split()[0] for line in listed.stdout.splitlines()]

    assert found == sorted(path.name for path in (ROOT / "templates").iterdir() if path.is_dir())
    for name in found:
        folder = tmp_path / name
        folder.mkdir()
        assert run(installed, "init", "--template", name, cwd=folder).returncode == 0
        done = run(installed, "schema", "--check", cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")


def test_the_installed_command_writes_a_stack_for_a_repository(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"scripts": {"dev": "vite"}}')

    done = run(installed, "init", cwd=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert 'type = "vite"' in (tmp_path / "stack.toml").read_text()
