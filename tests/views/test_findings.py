"""The text report: what a person sees, and what nobody may see."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack.records import replace
from devstack.rules.base import Finding, Fix, Location, Report, Severity, Skipped
from devstack.views import findings
from devstack.views.excerpt import masked_line
from devstack.views.style import Style, detect

LINES = {
    ("web/.env", 3): "JWT_SECRET=kXo8sQm1Zt4vB7nLr2pWcYd9",
    ("ws/main.py", 1): "key = getenv('K', 'hunter2-hunter2')",
}


def read(path: str, line: int) -> str | None:
    return LINES.get((path, line))


def report(*found: Finding, **more: object) -> Report:
    return Report(stack="demo", root=Path("/x"), findings=found, **more)  # type: ignore[arg-type]


ERROR = Finding(
    rule="shared-mismatch",
    id="DS101",
    severity=Severity.ERROR,
    message="The readers of `jwt` do not agree.",
    service="ws",
    locations=(
        Location(path="web/.env", line=3, variable="JWT_SECRET"),
        Location(path="stack.toml", line=9, note="declared here"),
    ),
    hint="give both one value",
    fix=Fix(title="copy it", safe=False),
)
NOTE = Finding(
    rule="unused-variable", id="DS703", severity=Severity.INFO, message="`OLD` is read by nothing."
)


def test_a_finding_shows_the_line_with_its_value_masked_and_the_name_marked() -> None:
    text = findings.render(report(ERROR), read, Style())
    assert text.splitlines()[:6] == [
        "error shared-mismatch DS101 · ws",
        "  The readers of `jwt` do not agree.",
        "      ┌─ web/.env:3",
        "    3 │ JWT_SECRET=•••••••• (24 characters)",
        "      │ ^^^^^^^^^^",
        "      = also: stack.toml:9  declared here",
    ]
    assert "kXo8" not in text


def test_the_summary_counts_and_says_what_to_do_next() -> None:
    text = findings.render(report(ERROR, NOTE), read, Style())
    assert text.splitlines()[-3:] == [
        "demo: 1 error, 1 note",
        "`devstack doctor --unsafe-fixes` mends 1 after your review",
        "`devstack explain shared-mismatch` tells more about a rule",
    ]


def test_a_note_says_what_to_do_where_that_fits_in_a_line() -> None:
    note = replace(NOTE, locations=(Location(path="ws/.env", line=4),), hint="remove the line")
    text = findings.render(report(note), read, Style(width=60))
    assert text.splitlines()[:4] == [
        "notes",
        "  ws/.env:4  `OLD` is read by nothing. [unused-variable]",
        "    = help: remove the line",
        "",
    ]
    assert "= help" not in findings.render(report(replace(note, hint="why " * 20)), read, Style(width=60))
    assert "  `OLD` is read by nothing." in findings.render(report(NOTE), read, Style(colour=True))


def test_nothing_wrong_is_said_in_one_line() -> None:
    assert findings.render(report(), read, Style()) == "demo: nothing wrong found"


def test_a_rule_that_failed_is_not_green() -> None:
    failed = Skipped(rule="syntax", reason="internal failure (KeyError)", is_failure=True)
    assert findings.render(report(skipped=(failed,)), read, Style()).splitlines() == [
        "demo: nothing found by the rules that ran",
        "syntax was skipped: internal failure (KeyError)",
    ]


def test_many_rules_skipped_for_one_reason_are_one_line() -> None:
    skipped = tuple(
        Skipped(rule=f"rule-{number}", reason="stack.toml cannot be read") for number in range(40)
    )
    text = findings.render(report(ERROR, skipped=skipped), read, Style())
    assert "40 rules were skipped: stack.toml cannot be read" in text
    assert "rule-3" not in text


def test_skipped_and_suppressed_are_never_silently_green() -> None:
    text = findings.render(
        report(skipped=(Skipped(rule="port-held", reason="no permission"),), suppressed=(NOTE,)),
        read,
        Style(),
    )
    assert "1 finding suppressed" in text
    assert "port-held was skipped: no permission" in text


@pytest.mark.parametrize("width", [40, 60, 100])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    long = "word " * 60
    found = Finding(
        rule="syntax", id="DS508", severity=Severity.ERROR, message=long, locations=ERROR.locations, hint=long
    )
    text = findings.render(report(found, NOTE), lambda path, line: "A=" + "b c" * 90, Style(width=width))
    assert max(len(line) for line in text.splitlines()) <= width


def test_a_long_note_at_the_place_is_wrapped_below_it() -> None:
    places = (Location(path="web/.env", line=3, variable="JWT_SECRET", note="what this reader gets " * 3),)
    text = findings.render(report(replace(ERROR, locations=places)), read, Style(width=48))
    assert "      ┌─ web/.env:3\n      │  what this reader gets" in text
    assert max(map(len, text.splitlines())) <= 48


def test_excerpts_keep_their_columns_in_plain_characters() -> None:
    text = findings.render(report(ERROR), read, Style(unicode=False))
    assert "    3 | JWT_SECRET=******** (24 characters)\n      | ^^^^^^^^^^\n" in text


def test_colours_only_where_they_are_wanted() -> None:
    assert "\x1b" not in findings.render(report(ERROR, NOTE), read, Style())
    assert "\x1b[31;1merror" in findings.render(report(ERROR, NOTE), read, Style(colour=True))


def test_plain_characters_where_the_terminal_has_no_others() -> None:
    text = findings.render(report(NOTE), read, Style(unicode=False))
    assert text.isascii()


@pytest.mark.parametrize(
    ("environment", "colour"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "0"}, False),
    ],
)
def test_what_is_no_terminal_gets_colours_only_by_force(
    environment: dict[str, str], colour: bool, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("w") as stream:
        assert detect(stream, environment).colour is colour


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("ws/.env", "API_TOKEN=hunter2hunter2"),
        ("ws/.env", "API_TOKEN='hunter2hunter2' # old"),
        ("ws/.env", "export PLAIN=hunter2hunter2"),
        ("ws/.env", "# API_TOKEN=hunter2hunter2"),
        ("ws/.env", "hunter2hunter2"),
        ("ws/.env", "URL=postgres://user:hunter2hunter2@localhost/db"),
        ("ws/.env.example", "API_TOKEN: hunter2hunter2"),
        ("ws/main.py", 'token = os.getenv("API_TOKEN", "hunter2hunter2")'),
        ("web/src/a.ts", "const t = process.env.T || `hunter2hunter2`"),
        ("stack.toml", 'set = { API_TOKEN = "hunter2hunter2" }'),
        ("stack.toml", 'API_TOKEN = "hunter2hunter2"'),
        ("stack.toml", 'members = ["ws:A", "=hunter2hunter2"]'),
    ],
)
def test_a_secret_is_never_shown_whatever_line_it_stands_in(path: str, line: str) -> None:
    assert "hunter2" not in masked_line(path, line)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("ws/.env", "PORT=3001"),
        ("ws/.env", "URL=ws://localhost:3001/ws"),
        ("ws/.env", "DEBUG=true"),
        ("stack.toml", 'from = "web:NEXT_PUBLIC_WS_URL"'),
        ("stack.toml", 'depends_on = ["ws"]'),
        ("web/src/a.ts", 'const u = import.meta.env.VITE_URL || "ws://localhost:7880"'),
    ],
)
def test_what_is_no_secret_stays_readable(path: str, line: str) -> None:
    assert masked_line(path, line) == line


def test_invisible_characters_are_shown() -> None:
    assert masked_line("ws/.env", "A\u200b=1") == "A<U+200B>=1"
