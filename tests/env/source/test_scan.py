"""The index of a service: which files are its own, which are shipped to the browser, what is left out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from devstack.env.files import Files
from devstack.env.source.model import SourceIndex
from devstack.env.source.scan import SourceScanner
from devstack.stack.model import Service, ServiceType, Stack

Tree = Callable[[Mapping[str, str | bytes]], Path]


def index(root: Path, *services: Service) -> SourceIndex:
    """The index of the first service in a stack of all of them."""
    stack = Stack(
        name="s", path=root / "stack.toml", root=root, services={each.name: each for each in services}
    )
    return SourceScanner(root, Files(root)).index(stack, services[0])


def web(directory: str = "web", **more: object) -> Service:
    return Service(name="web", type=ServiceType.NEXT, dir=directory, **more)  # type: ignore[arg-type]


def ws(directory: str = "ws", **more: object) -> Service:
    return Service(name="ws", type=ServiceType.PYTHON, dir=directory, **more)  # type: ignore[arg-type]


def node(directory: str = ".", **more: object) -> Service:
    return Service(name="api", type=ServiceType.NODE, dir=directory, **more)  # type: ignore[arg-type]


def names(found: SourceIndex) -> list[str | None]:
    return sorted((read.name for read in found.reads), key=str)


def in_client(found: SourceIndex) -> list[str | None]:
    return sorted((read.name for read in found.reads if read.client), key=str)


def read(name: str) -> str:
    return f"export const x = process.env.{name}\n"


def test_packages_build_output_and_vendored_code_are_left_out(tree: Tree) -> None:
    folders = (
        "node_modules/p",
        "dist",
        "build",
        ".next/server",
        "vendor",
        "coverage",
        ".venv/lib",
        "out",
        "my-env/lib",
    )
    root = tree(
        {
            "a.js": read("OWN"),
            "my-env/pyvenv.cfg": "",
            **{f"{folder}/x.js": read("OTHER") for folder in folders},
        }
    )

    assert names(index(root, node())) == ["OWN"]


def test_minified_and_generated_files_are_left_out(tree: Tree) -> None:
    long = "x();" * 8000
    root = tree(
        {
            "a.min.js": read("A"),
            "b.js": long + read("B"),
            "c.d.ts": "declare const c: typeof process.env.C",
            "d.js": read("D"),
        }
    )

    assert names(index(root, node())) == ["D"]


def test_a_file_of_fifty_megabytes_is_not_read(tree: Tree) -> None:
    root = tree({"a.js": read("A")})
    with (root / "huge.js").open("wb") as stream:
        stream.truncate(50_000_000)

    assert index(root, node()).files_scanned == 1


def test_ignored_files_are_left_out_with_nested_rules_and_exceptions(tree: Tree) -> None:
    root = tree(
        {
            ".git/HEAD": "",
            ".gitignore": "generated/\n*.gen.js\n",
            "api/generated/a.js": read("A"),
            "api/b.gen.js": read("B"),
            "api/src/.gitignore": "!keep.gen.js\nlocal.js\n",
            "api/src/keep.gen.js": read("KEPT"),
            "api/src/local.js": read("C"),
            "api/src/own.js": read("OWN"),
        }
    )

    assert names(index(root, node("api"))) == ["KEPT", "OWN"]


def test_a_service_whose_whole_folder_is_ignored_is_still_scanned(tree: Tree) -> None:
    root = tree({".git/HEAD": "", ".gitignore": "tmp/\n", "tmp/a.js": read("A")})

    assert names(index(root, node("tmp"))) == ["A"]


def test_loops_of_links_end_and_linked_folders_count_once(tree: Tree) -> None:
    root = tree({"src/a.js": read("A")})
    (root / "src/loop").symlink_to(root)
    (root / "again").symlink_to(root / "src")
    (root / "broken.js").symlink_to(root / "nowhere.js")

    assert names(index(root, node())) == ["A"]


def test_a_link_out_of_the_repository_is_not_followed(tree: Tree) -> None:
    root = tree(
        {
            "repo/.git/HEAD": "",
            "repo/api/a.js": read("A"),
            "repo/shared/s.js": read("SHARED"),
            "home/h.js": read("H"),
        }
    )
    (root / "repo/api/everything").symlink_to("/")
    (root / "repo/api/home").symlink_to(root / "home")
    (root / "repo/api/shared").symlink_to(root / "repo/shared")

    assert names(index(root / "repo", node("api"))) == ["A", "SHARED"]


def test_a_file_name_that_is_no_text_is_shown_readably(tree: Tree) -> None:
    root = tree({"a.js": ""})
    Path(os.fsdecode(os.fsencode(root) + b"/b\xff.js")).write_text(read("A"))

    (found,) = index(root, node()).reads

    assert found.path == "b\ufffd.js"


def test_a_source_in_utf16_is_read(tree: Tree) -> None:
    root = tree({"a.js": read("A").encode("utf-16")})

    assert names(index(root, node())) == ["A"]


def test_a_fifo_named_like_a_source_does_not_block(tree: Tree) -> None:
    root = tree({"a.js": read("A")})
    os.mkfifo(root / "b.js")

    assert names(index(root, node())) == ["A"]


def test_a_missing_folder_is_an_empty_index(tree: Tree) -> None:
    assert index(tree({}), node("nowhere")) == SourceIndex()


def test_folders_of_other_services_are_theirs(tree: Tree) -> None:
    root = tree({"a.js": read("ROOT"), "web/a.js": read("WEB")})

    assert names(index(root, node("."), web("web"))) == ["ROOT"]


def test_source_divides_a_shared_folder(tree: Tree) -> None:
    root = tree({"server/a.js": read("SERVER"), "app/page.js": read("PAGE"), "worker.js": read("WORKER")})
    server = Service(name="server", type=ServiceType.NODE, source=("server",))

    assert names(index(root, server, web("."))) == ["SERVER"]
    assert names(index(root, web("."), server)) == ["PAGE", "WORKER"]


def test_source_may_name_a_file_and_be_relative_to_the_folder(tree: Tree) -> None:
    root = tree({"api/one.js": read("ONE"), "api/two.js": read("TWO")})

    assert names(index(root, node("api", source=("one.js",)))) == ["ONE"]
    assert names(index(root, node("api", source=("api/two.js",)))) == ["TWO"]


def test_two_languages_in_one_folder_belong_to_the_service_of_that_language(tree: Tree) -> None:
    root = tree({"main.py": "import os\nos.getenv('PY')\n", "app/page.js": read("JS")})

    found = index(root, ws("."), web("."))

    assert names(found) == ["PY"]
    assert [each.name for each in found.scripts] == ["JS"]


@pytest.mark.parametrize(
    "path",
    [
        "tests/a.js",
        "a.test.ts",
        "a.spec.tsx",
        "__tests__/a.js",
        "e2e/a.ts",
        "scripts/seed.js",
        "playwright.config.ts",
    ],
)
def test_tests_and_tools_are_no_needs_of_the_service(tree: Tree, path: str) -> None:
    found = index(tree({path: read("A")}), node())

    assert (names(found), [each.name for each in found.scripts]) == ([], ["A"])


def test_paths_outside_the_root_are_shown_relative_to_it(tree: Tree) -> None:
    root = tree({"stack/stack.toml": "", "agent/a.js": read("A")})

    (found,) = index(root / "stack", node("../agent")).reads

    assert found.path == "../agent/a.js"


NEXT = {
    "web/app/page.tsx": read("SERVER_PAGE") + "import C from './client'\n",
    "web/app/client.tsx": "// a comment first\n'use client'\nimport { u } from '@/lib/url'\nimport './styles.css'\n"
    + read("CLIENT"),
    "web/lib/url.ts": read("LIB") + "import { deep } from './deep'\n// import { s } from './server'\n",
    "web/lib/deep.js": read("DEEP"),
    "web/lib/server.ts": read("SERVER_LIB"),
    "web/lib/secret.ts": "import 'server-only'\n" + read("SECRET_LIB"),
    "web/app/actions.ts": "'use server'\n" + read("ACTION"),
    "web/app/form.tsx": "'use client'\nimport { send } from './actions'\nimport './../lib/secret'\n"
    "import type { T } from '../lib/types'\n",
    "web/lib/types.ts": read("TYPES"),
    "web/app/api/token/route.ts": read("ROUTE"),
    "web/middleware.ts": read("MIDDLEWARE"),
    "web/next.config.mjs": read("CONFIG"),
    "web/pages/old.tsx": read("PAGES"),
    "web/pages/api/x.ts": read("PAGES_API"),
    "web/tsconfig.json": '{\n  // paths\n  "compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["./*"],}}\n}\n',
}


def test_next_ships_client_modules_and_what_they_import(tree: Tree) -> None:
    found = index(tree(NEXT), web())

    assert in_client(found) == ["CLIENT", "DEEP", "LIB", "PAGES"]
    assert {
        "SERVER_PAGE",
        "ROUTE",
        "ACTION",
        "SECRET_LIB",
        "TYPES",
        "MIDDLEWARE",
        "CONFIG",
        "PAGES_API",
    } <= set(names(found))


def test_functions_that_next_strips_are_not_shipped(tree: Tree) -> None:
    page = "export async function getServerSideProps() { return process.env.SECRET }\n" + read("SHOWN")

    found = index(tree({"web/pages/a.tsx": page}), web())

    assert (in_client(found), names(found)) == (["SHOWN"], ["SECRET", "SHOWN"])


def test_urls_in_client_modules_are_client_urls(tree: Tree) -> None:
    found = index(tree({"web/app/a.tsx": "'use client'\nnew WebSocket('ws://localhost:3001')\n"}), web())

    assert [(each.client, each.websocket) for each in found.urls] == [(True, True)]


def test_vite_ships_everything_but_configuration_and_servers(tree: Tree) -> None:
    vite = Service(name="web", type=ServiceType.VITE, dir="web")
    root = tree(
        {
            "web/index.html": '<script type="module" src="/src/main.tsx"></script>',
            "web/src/main.tsx": "export const a = import.meta.env.VITE_A\nimport './server/shared'\n",
            "web/src/server/shared.ts": "export const b = import.meta.env.VITE_SHARED\n",
            "web/src/lazy.vue": "<script>\nconst b = import.meta.env.VITE_B\n</script>",
            "web/server/index.ts": read("SERVER"),
            "web/vite.config.ts": read("CONFIG"),
        }
    )

    found = index(root, vite)

    assert in_client(found) == ["VITE_A", "VITE_B", "VITE_SHARED"]
    assert names(found) == ["CONFIG", "SERVER", "VITE_A", "VITE_B", "VITE_SHARED"]


def test_a_python_service_ships_nothing(tree: Tree) -> None:
    found = index(tree({"ws/main.py": "import os\nos.getenv('A')\n"}), ws())

    assert in_client(found) == []


def test_settings_classes_inherit_configuration_from_another_module(tree: Tree) -> None:
    configuration = "SettingsConfigDict(env_file='.env', extra='ignore', env_prefix='P_')"
    root = tree(
        {
            "ws/base.py": f"class CommonSettings(BaseSettings):\n    model_config = {configuration}\n    a: str\n",
            "ws/own.py": "class OwnSettings(CommonSettings):\n    b: str\n",
        }
    )

    own = next(each for each in index(root, ws()).settings if each.name == "OwnSettings")

    assert (own.extra, own.env_files, own.env_prefix) == ("ignore", (".env",), "P_")
    assert set(own.fields) == {"P_B", "P_A"}


@pytest.mark.parametrize(
    ("base", "bases", "own", "variable"),
    [
        ("case_sensitive=True", "CommonSettings", "", "db_url"),
        ("case_sensitive=True, env_prefix='P_'", "CommonSettings", "", "P_db_url"),
        ("case_sensitive=True, env_prefix='P_'", "CommonSettings", "env_prefix='', ", "db_url"),
        ("case_sensitive=True", "CommonSettings", "case_sensitive=False, ", "DB_URL"),
        ("case_sensitive=True, env_prefix='P_'", "CommonSettings, BaseSettings", "", "DB_URL"),
        ("env_prefix='p_'", "CommonSettings", "case_sensitive=True, ", "p_db_url"),
        ("extra='ignore'", "CommonSettings", "", "DB_URL"),
    ],
)
def test_case_and_prefix_are_inherited_unless_the_class_sets_them(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, base: str, bases: str, own: str, variable: str
) -> None:
    source = (
        "from pydantic_settings import BaseSettings, SettingsConfigDict\n"
        f"class CommonSettings(BaseSettings):\n    model_config = SettingsConfigDict({base})\n"
        f"class OwnSettings({bases}):\n    model_config = SettingsConfigDict({own}env_file=None)\n"
        "    db_url: str\n"
    )

    found = index(tree({"ws/settings.py": source}), ws())

    settings = next(each for each in found.settings if each.name == "OwnSettings")
    assert settings.fields == (variable,)
    assert [read.name for read in found.reads] == [variable]
    # … and that is what the library does.
    library: dict[str, Any] = {}
    exec(source, library)
    for name, is_read in ((variable, True), (variable.swapcase(), not settings.case_sensitive)):
        with monkeypatch.context() as patch:
            patch.setenv(name, "x")
            expectation = nullcontext() if is_read else pytest.raises(ValueError, match="Field required")
            with expectation:
                assert library["OwnSettings"]().db_url == "x"


def test_each_file_is_parsed_once_for_all_services(tree: Tree) -> None:
    root = tree({"a.js": read("A"), "b.js": read("B")})
    first, second = node(), Service(name="other", type=ServiceType.NODE)
    stack = Stack(name="s", path=root / "stack.toml", root=root, services={"api": first, "other": second})
    scanner = SourceScanner(root, Files(root))

    one = scanner.index(stack, "api")
    (root / "a.js").write_text(read("CHANGED"))

    assert names(scanner.index(stack, "other")) == names(one) == ["A", "B"]


def test_a_container_has_no_sources_of_its_own(tree: Tree) -> None:
    root = tree({"ws/a.py": "import os\nos.environ['A']\n", "packages/b.py": "import os\nos.environ['B']\n"})
    container = Service(name="db", type=ServiceType.COMPOSE, dir=".")
    assert index(root, container, ws()).files_scanned == 0
