"""The table of all variables finds what a walk over every variable would find, and leaves out nothing that counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from devstack.commands.doctor import inspect
from devstack.env.model import LayerKind
from devstack.env.secrets import is_secret_name
from devstack.rules import evidence
from devstack.rules.inspection import Inspection
from devstack.rules.variables import Row

STACK = """\
name = "two"
[services.web]
type = "vite"
dir = "web"
[services.ws]
type = "python"
dir = "ws"
command = "python3 main.py"
"""
FILES = {
    "stack.toml": STACK,
    "web/.env": "VITE_URL=ws://localhost:1\nJWT_SECRET=a\nPLAIN=x\nODD='y'\n",
    "ws/.env": 'PLAIN=x\nPLAIN=z\nCUT=ab#cd\nAPI_KEY=b\nMANY="one\ntwo"\nLAST=end\n',
}


def everything(inspection: Inspection) -> list[Row]:
    return [
        Row(service, name, value)
        for service, environment in inspection.environments.items()
        for name, value in environment.variables.items()
    ]


def names(rows: list[Row]) -> list[tuple[str, str]]:
    return [(row.service, row.name) for row in rows]


def test_rows_come_in_the_order_of_services_and_files(inspected: Callable[..., Inspection]) -> None:
    table = inspected(FILES).variables
    found = list(table.take(table.named("PLAIN") | table.holding("://")))
    assert names(found) == [("web", "VITE_URL"), ("web", "PLAIN"), ("ws", "PLAIN")]
    assert found[0].value.text == "ws://localhost:1"


def test_rows_of_one_service_are_taken_alone(inspected: Callable[..., Inspection]) -> None:
    table = inspected(FILES).variables
    assert names(list(table.take(table.secret, "ws"))) == [("ws", "API_KEY")]
    assert not list(table.take(table.secret, "nobody"))


def test_texts_of_several_lines_do_not_move_the_rows_after_them(inspected: Callable[..., Inspection]) -> None:
    table = inspected(FILES).variables
    assert names(list(table.take(table.holding("two") | table.holding("end")))) == [
        ("ws", "MANY"),
        ("ws", "LAST"),
    ]
    assert names(list(table.take(table.holding(re.compile("^end$", re.M))))) == [("ws", "LAST")]


def test_names_are_called_exactly(inspected: Callable[..., Inspection]) -> None:
    table = inspected(FILES).variables
    wanted = {"web": ("PLAIN", "AIN"), "ws": ("NOT_THERE", "LAST")}
    assert names(list(table.take(table.called(wanted.__getitem__)))) == [("web", "PLAIN"), ("ws", "LAST")]


def test_public_is_what_the_bundler_publishes(inspected: Callable[..., Inspection]) -> None:
    table = inspected(FILES).variables
    assert names(list(table.take(table.public))) == [("web", "VITE_URL")]


def test_special_is_all_that_a_loader_or_a_person_may_have_read_otherwise(
    inspected: Callable[..., Inspection],
) -> None:
    table = inspected(FILES).variables
    found = names(list(table.take(table.special)))
    assert found == [("web", "ODD"), ("ws", "PLAIN"), ("ws", "CUT"), ("ws", "MANY")]


def test_what_is_not_special_says_just_what_its_only_line_says(
    scenario: dict[str, Any],
    tmp_path: Path,
    write_scenario_files: Callable[[Path, dict[str, Any]], None],
) -> None:
    write_scenario_files(tmp_path, scenario)
    inspection = inspect(tmp_path, scenario["process_env"])
    table = inspection.variables
    special = set(names(list(table.take(table.special))))
    secret = set(names(list(table.take(table.secret))))
    for service, name, value in everything(inspection):
        assert ((service, name) in secret) == is_secret_name(name)
        if (service, name) not in special:
            assert value.origin.layer is LayerKind.FILE
            assert not value.shadows
            assert value.unknown is None
            assert value.text == value.raw == evidence.written(inspection, name, value)
            assert not value.references
