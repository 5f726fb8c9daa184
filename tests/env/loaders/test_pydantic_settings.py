"""Real pydantic-settings classes beside our loader: what a field gets is what we say about its variable."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from devstack.env.files import Files
from devstack.env.loaders.table import loader
from devstack.env.model import Environment, Loaded, LoadRequest
from devstack.env.resolve import lookup, resolve
from devstack.env.source.scan import SourceScanner
from devstack.stack.load import load
from devstack.stack.reference import reference
from tests.env.loaders import grammar

Tree = Callable[[Mapping[str, str | bytes]], Path]

NAMES = ("A", "B", "C", "AB", "A_B", "X1", "VITE_A")
EXPORTED = ("", "x", "$C", "${B}", "pa$word")


class Fields(BaseSettings):
    """Every name of the grammar that can be a field."""

    model_config = SettingsConfigDict(extra="ignore")
    A: str | None = None
    B: str | None = None
    C: str | None = None
    AB: str | None = None
    A_B: str | None = None
    X1: str | None = None
    VITE_A: str | None = None


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The classes read `os.environ`; each test sets it as it likes."""
    before = dict(os.environ)
    logging.getLogger("dotenv").disabled = True
    yield
    logging.getLogger("dotenv").disabled = False
    os.environ.clear()
    os.environ.update(before)


def _exported(process: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(process)


def _loaded(folder: Path, paths: tuple[Path, ...], process: Mapping[str, str]) -> Loaded:
    request = LoadRequest(
        folder=folder, mode="development", process=process, reader=Files(folder), files=paths
    )
    return loader("pydantic").load(request)


@settings(
    max_examples=250,
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.filter_too_much,
        HealthCheck.too_slow,
    ],
)
@given(random=st.randoms(use_true_random=False))
def test_a_field_gets_what_the_loader_says(random: Random, tmp_path: Path) -> None:
    paths = (tmp_path / "one", tmp_path / "two")[: random.randint(1, 2)]
    texts = [grammar.env_file(random) for _ in paths]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text.encode())
    process = {
        random.choice((*NAMES, "ab")): random.choice(EXPORTED) for _ in range(random.choice((0, 0, 1, 2)))
    }
    _exported(process)
    made = _loaded(tmp_path, paths, process)
    real = Fields(_env_file=paths, _env_file_encoding="utf-8").model_dump()  # type: ignore[call-arg]
    folded = {name.lower(): text for name, text in process.items()}
    for name in NAMES:
        found = [value for one, value in made.variables.items() if one.lower() == name.lower()]
        if len(found) > 1 or any(value.unknown for value in found):
            continue
        expected = found[0].text if found else folded.get(name.lower())
        assert real[name] == expected, (name, texts, process)


CLASS = """
from pydantic_settings import BaseSettings, SettingsConfigDict

class {name}(BaseSettings):
    model_config = SettingsConfigDict({config})
    {fields}
"""


def _indexed(
    tree: Tree, config: str, fields: str, files: Mapping[str, str]
) -> tuple[Path, Environment, set[str]]:
    source = CLASS.format(name="Settings", config=config, fields="\n    ".join(fields.split("; ")))
    declared = '[services.api]\ntype = "python"\ncommand = "python main.py"\n'
    root = tree({"stack.toml": declared, "main.py": source, **files})
    stack = load(root / "stack.toml")
    names = {str(read.name) for read in SourceScanner(root, Files(root)).index(stack, "api").reads}
    return root, resolve(stack, process={}, files=Files(root))["api"], names


def _settings(root: Path, process: Mapping[str, str]) -> BaseSettings:
    _exported(process)
    before = Path.cwd()
    os.chdir(root)
    try:
        space: dict[str, object] = {"__name__": "settings_under_test"}
        exec(compile((root / "main.py").read_text(), "main.py", "exec", dont_inherit=True), space)
        made = space["Settings"]
        assert isinstance(made, type)
        found = made()
        assert isinstance(found, BaseSettings)
        return found
    finally:
        os.chdir(before)


@pytest.mark.parametrize(
    ("config", "field", "file", "name"),
    [
        ('env_file=".env", env_prefix="APP_", extra="ignore"', "url: str", "APP_URL=x\nURL=y\n", "APP_URL"),
        ('env_file=".env", extra="ignore"', "Url: str", "url=x\n", "URL"),
        ('env_file=("a.env", "b.env"), extra="ignore"', "url: str", "", "URL"),
    ],
)
def test_a_class_reads_the_variable_that_the_index_names(
    tree: Tree, config: str, field: str, file: str, name: str
) -> None:
    files = {".env": file, "a.env": "URL=first\n", "b.env": "URL=x\n"}
    root, environment, names = _indexed(tree, config, field, files)
    assert name in names
    real = next(iter(_settings(root, {}).model_dump().values()))
    found = {one.upper(): value.text for one, value in environment.variables.items()}
    assert (real, found[name]) == ("x", "x")


NESTED = """
from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict

class Part(BaseModel):
    host: str

class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", {config})
    db: Part = Part(host="")
    url: str = ""
"""


@pytest.mark.parametrize(
    ("config", "file"),
    [
        ('env_nested_delimiter="__"', "DB__HOST=x\nURL=y\n"),
        ('env_nested_delimiter="_"', "db_host=x\n"),
        ('env_nested_delimiter="__"', "DB__HOST=x\nDC__HOST=y\n"),
        ("case_sensitive=True", "url=y\n"),
        ("case_sensitive=True", "URL=y\n"),
        ('case_sensitive=True, env_nested_delimiter="__"', "db__host=x\n"),
        ('case_sensitive=True, env_nested_delimiter="__"', "DB__HOST=x\n"),
    ],
)
def test_a_class_takes_and_refuses_the_variables_that_the_index_says(
    tree: Tree, config: str, file: str
) -> None:
    declared = '[services.api]\ntype = "python"\ncommand = "python main.py"\n'
    root = tree({"stack.toml": declared, "main.py": NESTED.format(config=config), ".env": file})
    (found,) = SourceScanner(root, Files(root)).index(load(root / "stack.toml"), "api").settings
    if all(found.takes(line.partition("=")[0]) for line in file.splitlines()):
        assert _settings(root, {}).model_dump() != {"db": {"host": ""}, "url": ""}
    else:
        with pytest.raises(ValidationError):
            _settings(root, {})


def test_an_exported_value_wins_over_the_file_whatever_its_case(tree: Tree) -> None:
    root, _, _ = _indexed(tree, 'env_file=".env"', "URL: str", {".env": "URL=file\n"})
    process = {"url": ""}
    assert _settings(root, process).model_dump() == {"URL": ""}
    found = resolve(load(root / "stack.toml"), process=process, files=Files(root))["api"]
    assert lookup(reference("api:URL"), found).value is not None
    assert found.variables["URL"].text == ""


@pytest.mark.parametrize("extra", ["", ', extra="forbid"'])
def test_a_key_of_the_file_that_is_no_field_is_refused_by_default(tree: Tree, extra: str) -> None:
    root, _, _ = _indexed(tree, f'env_file=".env"{extra}', "URL: str", {".env": "URL=x\nOTHER=1\n"})
    with pytest.raises(ValidationError):
        _settings(root, {})
    stack = load(root / "stack.toml")
    (declared,) = SourceScanner(root, Files(root)).index(stack, "api").settings
    assert declared.extra in (None, "forbid")
