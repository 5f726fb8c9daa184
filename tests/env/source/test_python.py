"""Reads in Python: each form, its fallback, settings classes, and what is no read."""

from __future__ import annotations

import pytest

from devstack.env.source.model import Fallback, SettingsClass, SourceRead
from devstack.env.source.module import Scanned, scan_module

OR, DEFAULT = Fallback.EMPTY_OR_UNSET, Fallback.DEFAULT


def scanned(source: str) -> Scanned:
    return scan_module(source.encode(), "ws/a.py")


def reads(source: str) -> list[SourceRead]:
    return sorted(scanned(source).reads, key=lambda read: (read.line, read.column))


@pytest.mark.parametrize(
    ("source", "form"),
    [
        ("import os\nos.environ['A']", "os.environ"),
        ("import os\nos.environ.get('A')", "os.environ"),
        ("import os\nos.environ.pop('A', None)", "os.environ"),
        ("import os\n'A' in os.environ", "os.environ"),
        ("import os\nos.getenv('A')", "os.getenv"),
        ("import os\nos.getenv(key='A')", "os.getenv"),
        ("import os as o\no.getenv('A')", "os.getenv"),
        ("import os as o\no.environ['A']", "os.environ"),
        ("from os import environ\nenviron['A']", "os.environ"),
        ("from os import environ as e\ne.get('A')", "os.environ"),
        ("from os import (\n    getenv,\n    path,\n)\ngetenv('A')", "os.getenv"),
        ("from os import getenv as g\ng('A')", "os.getenv"),
        ("import os\nenv = os.environ\nenv['A']", "os.environ"),
        ("import os\nget = os.getenv\nget('A')", "os.getenv"),
        ("import os\nNAME = 'A'\nos.getenv(NAME)", "os.getenv"),
        ("require_env('A')", "wrapper"),
        ("env.str('A')", "wrapper"),
        ("from decouple import config\nconfig('A')", "wrapper"),
        ("import os\ndef need(name):\n    return os.environ[name]\nneed('A')", "wrapper"),
    ],
)
def test_each_form_is_a_read(source: str, form: str) -> None:
    assert [(read.name, read.form) for read in reads(source) if read.name] == [("A", form)]


@pytest.mark.parametrize(
    "source",
    [
        "import os\n# os.getenv('A')",
        "import os\nx = \"os.getenv('A')\"",
        'import os\n"""os.environ[\'A\']"""',
        "import os\nos.environ['A'] = 'x'",
        "import os\ndel os.environ['A']",
        "environ['A']",
        "config('A')",
        "settings.get('A')",
    ],
)
def test_what_is_no_read(source: str) -> None:
    assert reads(source) == []


@pytest.mark.parametrize(
    ("source", "fallback", "operator", "otherwise"),
    [
        ("os.getenv('A', 'x')", "x", DEFAULT, ()),
        ("os.environ.get('A', default='x')", "x", DEFAULT, ()),
        ("os.getenv('A') or 'x'", "x", OR, ()),
        ("os.getenv('A') or os.getenv('B') or 'x'", "x", OR, ("B",)),
        ("os.getenv('A', os.getenv('B', 'x'))", "x", DEFAULT, ("B",)),
        ("int(os.getenv('A', '1'))", "1", DEFAULT, ()),
        ("int(os.getenv('A') or 1)", "1", OR, ()),
        ("os.getenv('A', '').strip() or 'x'", "x", OR, ()),
        ("os.getenv('A') if os.getenv('A') else 'x'", "x", OR, ()),
        ("os.environ.setdefault('A', 'x')", "x", DEFAULT, ()),
        ("os.getenv('A', 'x' 'y')", "xy", DEFAULT, ()),
        ("os.getenv('A', None)", None, None, ()),
        ("os.getenv('A')", None, None, ()),
        ("os.environ['A']", None, None, ()),
    ],
)
def test_fallbacks(
    source: str, fallback: str | None, operator: Fallback | None, otherwise: tuple[str, ...]
) -> None:
    first = reads(f"import os\n{source}")[0]

    assert (first.name, first.fallback, first.operator, first.otherwise) == (
        "A",
        fallback,
        operator,
        otherwise,
    )


def test_a_computed_default_is_said() -> None:
    (read,) = reads("import os\nos.getenv('A', make())")

    assert (read.fallback, read.computed_fallback) == (None, True)


def test_dynamic_access_has_no_name() -> None:
    assert [read.name for read in reads("import os\nos.environ[key]\nos.getenv(f'{p}_A')")] == [None, None]


@pytest.mark.parametrize(
    ("argument", "file", "beside", "dynamic"),
    [
        ("", None, False, False),
        ("find_dotenv()", None, False, False),
        ("'.env.local'", ".env.local", False, False),
        ("dotenv_path='.env.local'", ".env.local", False, False),
        ("Path(__file__).parent / '.env'", ".env", True, False),
        ("Path(__file__).resolve().parent.parent / '.env'", "../.env", True, False),
        ("Path(__file__).resolve().parents[1] / '.env'", "../.env", True, False),
        ("BASE / '.env'", "../.env", True, False),
        ("os.path.join(os.path.dirname(__file__), '..', '.env')", "../.env", True, False),
        ("os.path.join(os.path.dirname(os.path.abspath(__file__)), '.env')", ".env", True, False),
        ("Path('.env')", ".env", False, False),
        ("Path.cwd() / '.env'", ".env", False, False),
        ("f'{BASE}/.env'", "../.env", True, False),
        ("BASE.as_posix() + '/.env'", "../.env", True, False),
        ("Path(__file__).parent.joinpath('..', '.env')", "../.env", True, False),
        ("Path(__file__).with_name('.env')", ".env", True, False),
        ("os.path.join(__file__, '..', '..', '.env')", "../.env", True, False),
        ("os.path.join(os.path.dirname(__file__), os.pardir, '.env')", "../.env", True, False),
        ("os.path.join('x', BASE, '.env')", "../.env", True, False),
        ("os.path.join(os.getcwd(), '/etc/a.env')", "/etc/a.env", False, False),
        ("find_dotenv('.env.local')", ".env.local", False, False),
        ("find_dotenv(raise_error_if_not_found=True)", None, False, False),
        ("FOUND", ".env.x", False, False),
        ("os.path.expanduser('~/.env')", None, False, True),
        ("'%s/.env' % BASE", None, False, True),
        ("f'{BASE}.env'", None, False, True),
        ("TWICE", None, False, True),
        ("find_dotenv(pick())", None, False, True),
        ("f'.env.{mode}'", None, False, True),
        ("pick()", None, False, True),
    ],
)
def test_load_dotenv_arguments(argument: str, file: str | None, beside: bool, dynamic: bool) -> None:
    source = (
        "BASE = Path(__file__).resolve().parent.parent\nFOUND = find_dotenv('.env.x', usecwd=True)\n"
        f"TWICE = 'a'\nTWICE = 'b'\nload_dotenv({argument})\n"
    )

    call = scanned(source).dotenv_calls[0]

    assert (call.file, call.beside_module, call.dynamic, call.override) == (file, beside, dynamic, False)


def test_the_path_of_an_env_file_may_be_put_together_inside_a_function() -> None:
    source = (
        "def f():\n    path = Path(__file__).parent / '.env'\n    load_dotenv(path)\npath = '.env.other'\n"
    )

    call = scanned(source).dotenv_calls[0]

    assert (call.file, call.beside_module) == (".env", True)


def test_override_is_read() -> None:
    (call,) = scanned("load_dotenv('.env', override=True)").dotenv_calls

    assert call.override


def settings_of(source: str) -> SettingsClass:
    (found,) = scanned(source).settings
    return found


def test_fields_of_a_settings_class_are_reads_with_their_prefix() -> None:
    source = (
        "class Settings(BaseSettings):\n"
        "    model_config = SettingsConfigDict(env_prefix='APP_', env_file=('.env', '.env.local'), extra='ignore')\n"
        "    jwt_secret: str = 'dev'\n"
        "    url: str = Field('ws://localhost:1', alias='WS_URL')\n"
        "    both: str = Field(validation_alias=AliasChoices('FIRST', 'SECOND'))\n"
        "    port: int\n"
        "    _hidden: int = 1\n"
        "    kind: ClassVar[str] = 'x'\n"
    )

    found = settings_of(source)

    assert found.fields == ("APP_JWT_SECRET", "WS_URL", "FIRST", "SECOND", "APP_PORT")
    assert (found.env_prefix, found.env_files, found.extra) == ("APP_", (".env", ".env.local"), "ignore")
    assert [(read.name, read.fallback) for read in reads(source)] == [
        ("APP_JWT_SECRET", "dev"),
        ("WS_URL", "ws://localhost:1"),
        ("FIRST", None),
        ("SECOND", None),
        ("APP_PORT", None),
    ]


@pytest.mark.parametrize(
    ("body", "extra", "files", "dynamic"),
    [
        ("    a: str\n", None, (), False),
        (
            "    a: str\n    class Config:\n        env_file = '.env'\n        extra = 'allow'\n",
            "allow",
            (".env",),
            False,
        ),
        (
            "    model_config = {'extra': 'forbid', 'env_file': '.env'}\n    a: str\n",
            "forbid",
            (".env",),
            False,
        ),
        ("    model_config = SettingsConfigDict(env_file=pick())\n    a: str\n", None, (), True),
        ("    model_config = make()\n    a: str\n", None, (), True),
    ],
)
def test_configuration_of_a_settings_class(
    body: str, extra: str | None, files: tuple[str, ...], dynamic: bool
) -> None:
    found = settings_of(f"class Settings(pydantic_settings.BaseSettings):\n{body}")

    assert (found.extra, found.env_files, found.dynamic) == (extra, files, dynamic)


def test_an_ordinary_model_is_no_settings_class() -> None:
    assert scanned("class User(BaseModel):\n    secret: str\n# Settings").settings == ()


def test_a_websocket_url_is_found_and_a_docstring_is_not() -> None:
    found = scanned(
        '"""ws://docs:1"""\nx = "ws://localhost:1"\nawait websockets.connect("ws://localhost:2/ws")\n'
    )

    assert [(url.url, url.websocket) for url in found.urls if "docs" not in url.url] == [
        ("ws://localhost:1", False),
        ("ws://localhost:2/ws", True),
    ]


@pytest.mark.parametrize(
    "source", ["import os\nos.getenv(", "os.environ[", "class S(BaseSettings", "import os\n\0os.getenv('A')"]
)
def test_broken_code_does_not_raise(source: str) -> None:
    scanned(source)
