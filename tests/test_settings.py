"""devstack's own options: which layer wins, and that it can be told."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.errors import UsageError
from devstack.settings import OPTIONS, Settings, Source, mistakes, resolve, unknown_variables

TEXTS = {
    "colour": ["auto", "never"],
    "log_format": ["text", "json"],
    "grace": ["1s", "2s"],
    "timeout": ["3s", "4s"],
    "log_size": ["1MB", "2MB"],
    "settle": ["10ms", "20ms"],
    "profiles": ["a", "b,c"],
}
LAYERS = st.dictionaries(st.sampled_from(sorted(TEXTS)), st.integers(0, 1))


def layer(drawn: dict[str, int]) -> dict[str, str]:
    return {name: TEXTS[name][number] for name, number in drawn.items()}


@given(LAYERS, LAYERS, LAYERS)
def test_a_flag_beats_a_variable_beats_the_file_beats_the_default(
    file: dict[str, int], variables: dict[str, int], flags: dict[str, int]
) -> None:
    environment = {f"DEVSTACK_{name.upper()}": text for name, text in layer(variables).items()}

    found = resolve(layer(file), environment, {**dict.fromkeys(OPTIONS), **layer(flags)})

    for name in OPTIONS:
        givers = [
            (Source.FLAG, layer(flags)),
            (Source.ENVIRONMENT, layer(variables)),
            (Source.FILE, layer(file)),
        ]
        winner = next(((source, given[name]) for source, given in givers if name in given), None)
        source = winner[0] if winner else Source.DEFAULT
        value = OPTIONS[name](winner[1]) if winner else getattr(Settings(), name)
        assert getattr(found.settings, name) == value
        assert found.provenance[name].source is source


def test_each_value_says_what_to_edit() -> None:
    found = resolve({"grace": "3s"}, {"DEVSTACK_LOG_SIZE": "2MB"}, {"colour": "never"})

    rows = {name: (value, where) for name, value, where in found.explain()}

    assert rows["grace"] == ("3s", "stack.toml devstack.grace")
    assert rows["log_size"] == ("2MB", "environment DEVSTACK_LOG_SIZE")
    assert rows["colour"] == ("never", "flag --colour")
    assert rows["timeout"] == ("-", "default")


@pytest.mark.parametrize(
    ("table", "environment", "part"),
    [
        ({"grace": 3}, {}, "devstack.grace"),
        ({}, {"DEVSTACK_GRACE": "3"}, "DEVSTACK_GRACE"),
        ({}, {"DEVSTACK_COLOUR": "blue"}, "auto, always, never"),
        ({}, {"DEVSTACK_LOG_SIZE": "-1"}, "50MB"),
        ({"log_size": True}, {}, "must be a size"),
    ],
)
def test_a_wrong_value_names_its_place(table: dict[str, Any], environment: dict[str, str], part: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(table, environment)

    assert part in str(caught.value)


def test_mistakes_of_the_table_and_near_variables_are_found() -> None:
    assert list(mistakes({"color": "auto", "grace": "5s"})) == [
        ("color", "unknown key `color`", "did you mean `colour`?")
    ]
    near = list(unknown_variables({"DEVSTACK_COLOR": "auto", "DEVSTACK_RUN": "1", "DEVSTACK_GRACE": "1s"}))
    assert near == [("DEVSTACK_COLOR", "did you mean `colour`?")]


@pytest.mark.parametrize(("environment", "is_needed"), [("{}", False), ('{"DEVSTACK_GRACE": "1s"}', True)])
def test_pydantic_settings_is_imported_only_when_a_layer_speaks(environment: str, is_needed: bool) -> None:
    code = (
        "import sys; from devstack.settings import resolve; "
        f"resolve({{}}, {environment}, {{'colour': 'never'}}); print('pydantic_settings' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == str(is_needed)
