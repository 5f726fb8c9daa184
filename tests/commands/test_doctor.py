"""`devstack doctor` and `devstack explain` on the command line."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.commands import doctor as command
from devstack.rules.base import Severity
from devstack.rules.catalogue import CATALOGUE

Tree = Callable[[Mapping[str, str | bytes]], Path]
STACK = """\
name = "pair"
[services.ws]
type = "python"
dir = "ws"
command = "python3 main.py"
[services.web]
type = "command"
command = "sleep 1"
"""
SECRET = "kXo8sQm1Zt4vB7nLr2pWcYd9eHf3gJa5"
FILES = {
    "stack.toml": STACK,
    "ws/main.py": "import os\nfrom dotenv import load_dotenv\nload_dotenv()\nos.environ['API_TOKEN']\n",
}


@pytest.fixture
def doctor(tree: Tree, devstack: Callable[..., Any]) -> Callable[..., Any]:
    """`doctor({files}, *flags)` → Outcome, without rules about this machine."""

    def run(files: Mapping[str, str | bytes], *flags: str) -> Any:
        return devstack("doctor", *flags, cwd=tree({**FILES, **files}))

    return run


def test_a_clean_stack_is_0_and_says_so(doctor: Callable[..., Any]) -> None:
    outcome = doctor({"ws/.env": f"API_TOKEN={SECRET}\n"}, "--ignore", "env-file-permissions")
    assert outcome.code == 0
    assert "pair: nothing wrong found" in outcome.out


def test_values_nested_beyond_all_measure_silence_no_rule(doctor: Callable[..., Any]) -> None:
    deep = "[" * 100_000
    token = ".".join(base64.urlsafe_b64encode(part.encode()).decode() for part in ('{"alg": 1}', deep, "x"))
    files = {
        "stack.toml": f'{STACK}port = 3000\n[[origins]]\nfrom = ["web"]\nallows = "ws:ORIGINS"\n',
        "ws/.env": f'ANON_KEY={token.replace("=", "")}\nORIGINS={deep}\nAPI_TOKEN="{deep}\\"a\\""\n',
    }
    report = json.loads(doctor(files, "--format", "json").out)
    assert not [skip for skip in report["skipped"] if "internal failure" in skip["reason"]]


def test_where_git_does_not_answer_what_was_not_looked_at_is_named(
    tree: Tree, devstack: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tree({**FILES, "ws/.env": f"API_TOKEN={SECRET}\n", ".git/HEAD": "ref: refs/heads/main\n"})
    outcome = devstack("doctor", cwd=folder, env={"PATH": str(tmp_path)})
    assert "env-file-tracked was skipped: git does not say" in outcome.out


def test_a_fix_that_could_not_be_applied_is_not_called_unnecessary(
    tree: Tree, devstack: Callable[..., Any]
) -> None:
    folder = tree(
        {**FILES, "ws/.env": f"API_TOKEN={SECRET}\r\nB=\u201cx\u201d\r\n", "ws/.env.example": "C=3\n"}
    )
    (folder / "ws" / ".env").chmod(0o444)
    outcome = devstack("doctor", "--fix", "--select", "DS7", cwd=folder)
    assert "not fixed: example-drift" in outcome.out
    assert f"chmod u+w {folder}/ws/.env" in outcome.out
    assert "nothing was fixed" in outcome.out


def test_an_error_is_1_and_no_secret_is_shown(doctor: Callable[..., Any]) -> None:
    outcome = doctor({"ws/.env": f'API_TOKEN="{SECRET}\n'})
    assert outcome.code == 1
    assert "ws/.env:1" in outcome.out
    assert SECRET not in outcome.out + outcome.err
    assert "\x1b" not in outcome.out


@pytest.mark.parametrize(
    ("plain", "parsed"),
    [((), ("--format", "text")), (("--json", "ws/.env"), ("--format=json", "ws/.env"))],
    ids=["text", "json"],
)
def test_a_command_line_that_needs_no_parsing_means_the_same(
    plain: tuple[str, ...], parsed: tuple[str, ...], tree: Tree, devstack: Callable[..., Any]
) -> None:
    folder = tree({**FILES, "ws/.env": f'API_TOKEN="{SECRET}\n'})
    one, other = (devstack("doctor", *flags, cwd=folder) for flags in (plain, parsed))
    assert (one.code, one.out, one.err) == (other.code, other.out, other.err)
    assert one.code == 1


def test_a_warning_fails_only_with_strict(doctor: Callable[..., Any]) -> None:
    files = {"ws/.env": f"A=1\nA=2\nAPI_TOKEN={SECRET}\n"}
    assert doctor(files).code == 0
    assert doctor(files, "--strict").code == 1


def test_select_and_ignore_take_names_ids_and_groups(doctor: Callable[..., Any]) -> None:
    files = {"ws/.env": "A=1\nA=2\nB: x\n"}

    def rules(*flags: str) -> set[str]:
        found = json.loads(doctor(files, "--json", *flags).out)["findings"]
        return {finding["rule"] for finding in found}

    assert rules("--select", "duplicate-key,DS508") == {"duplicate-key", "syntax"}
    assert rules("--select", "DS5", "--ignore", "ds501") == {"syntax"}


@pytest.mark.parametrize("flag", ["--select", "--ignore"])
def test_an_unknown_rule_is_2_with_the_nearest_name(flag: str, doctor: Callable[..., Any]) -> None:
    outcome = doctor({}, flag, "duplicate-keys")
    assert outcome.code == 2
    assert "did you mean `duplicate-key`?" in outcome.err


def test_a_stack_with_mistakes_is_a_finding_and_the_rest_is_still_looked_at(
    doctor: Callable[..., Any],
) -> None:
    files = {"stack.toml": STACK.replace("command =", "hots = []\ncommand =", 1), "ws/.env": "A=1\nA=2\n"}
    outcome = doctor(files, "--json")
    rules = {finding["rule"] for finding in json.loads(outcome.out)["findings"]}
    assert outcome.code == 1
    assert {"stack-file-invalid", "duplicate-key"} <= rules


def test_no_stack_is_2_with_a_hint(tree: Tree, devstack: Callable[..., Any]) -> None:
    outcome = devstack("doctor", cwd=tree({"x": ""}))
    assert outcome.code == 2
    assert "devstack init" in outcome.err
    assert json.loads(devstack("doctor", "--json", cwd=tree({})).out)["error"]["code"] == 2


@pytest.mark.parametrize("form", ["sarif", "github"])
def test_annotations_say_that_there_is_no_stack(form: str, tree: Tree, devstack: Callable[..., Any]) -> None:
    outcome = devstack("doctor", "--format", form, cwd=tree({"x": ""}))
    assert outcome.code == 2
    if form == "github":
        assert outcome.out.startswith(
            "::error title=stack-file-invalid (DS001),file=stack.toml::no stack.toml"
        )
    else:
        (result,) = json.loads(outcome.out)["runs"][0]["results"]
        assert result["ruleId"] == "DS001"
        assert "devstack init" in result["message"]["text"]


@pytest.mark.parametrize("form", ["sarif", "github"])
def test_annotations_stand_at_paths_from_the_top_of_the_repository(
    form: str, tree: Tree, devstack: Callable[..., Any]
) -> None:
    root = tree({"stacks/one/stack.toml": "[services.web\n", ".git/HEAD": "ref: refs/heads/main\n"})
    outcome = devstack("doctor", "--format", form, cwd=root / "stacks" / "one")
    assert outcome.code == 1
    assert "stacks/one/stack.toml" in outcome.out


def test_paths_are_those_of_the_root_also_from_a_folder_below(
    tree: Tree, devstack: Callable[..., Any]
) -> None:
    root = tree({**FILES, "stack.toml": STACK + "oops = 1\n", "ws/.env": "A=1\nA=2\n"})
    found = json.loads(devstack("doctor", "--json", cwd=root / "ws").out)["findings"]
    assert {"stack.toml", "ws/.env"} <= {place["path"] for one in found for place in one["locations"]}


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_every_format_hides_secrets(form: str, doctor: Callable[..., Any]) -> None:
    outcome = doctor({"ws/.env": f'API_TOKEN={SECRET}\nAPI_TOKEN="{SECRET}x\n'}, "--format", form)
    assert outcome.code == 1
    assert SECRET not in outcome.out + outcome.err
    if form in ("json", "sarif"):
        json.loads(outcome.out)


def test_a_pipe_that_knows_ascii_only_gets_plain_characters(tree: Tree, devstack: Callable[..., Any]) -> None:
    root = tree(
        {**FILES, "stack.toml": STACK + '"ü" = "…"\n', "ws/.env": f"API_TOKEN={SECRET}\nAPI_TOKEN=b\n"}
    )
    outcome = devstack("doctor", cwd=root, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert outcome.code == 1
    assert outcome.out.isascii()
    assert "duplicate-key" in outcome.out


def test_timings_go_to_standard_error(doctor: Callable[..., Any]) -> None:
    outcome = doctor({}, "--timings", "--json")
    json.loads(outcome.out)
    assert re.search(r"ms  all rules", outcome.err)


def test_safe_fixes_show_a_masked_diff_are_applied_and_are_idempotent(
    tree: Tree, devstack: Callable[..., Any]
) -> None:
    before = f"\ufeffAPI_TOKEN={SECRET}\r\nB=1\r\n"
    root = tree({**FILES, "ws/.env": before, "ws/.env.example": "API_TOKEN=\nB=\nC=3\n"})
    first = devstack("doctor", "--fix", "--select", "DS5,DS7", cwd=root)
    assert (root / "ws/.env").read_bytes().decode() == f"API_TOKEN={SECRET}\r\nB=1\r\nC=3\r\n"
    assert "+C=3" in first.out
    assert "2 fixes applied" in first.out
    assert SECRET not in first.out + first.err
    state = (root / "ws/.env").stat()
    second = devstack("doctor", "--fix", "--select", "DS5,DS7", cwd=root)
    assert "nothing to fix" in second.out
    assert (root / "ws/.env").stat().st_mtime_ns == state.st_mtime_ns


def test_unsafe_fixes_wait_for_their_own_flag(tree: Tree, devstack: Callable[..., Any]) -> None:
    root = tree({**FILES, "ws/.env": "A=1\nA=2\n"})
    devstack("doctor", "--fix", "--select", "duplicate-key", cwd=root)
    assert (root / "ws/.env").read_text() == "A=1\nA=2\n"
    devstack("doctor", "--unsafe-fixes", "--select", "duplicate-key", cwd=root)
    assert (root / "ws/.env").read_text() == "A=2\n"


def test_a_file_that_changed_since_it_was_read_is_left_alone(
    tree: Tree, capsys: pytest.CaptureFixture[str]
) -> None:
    from devstack.commands.doctor_fix import mend

    root = tree({**FILES, "ws/.env": "A=1\nA=2\n"})
    request = command.Request(
        folder=root, environment=dict(os.environ), unsafe=True, select=("duplicate-key",)
    )
    inspection = command.inspect(root, dict(os.environ))
    command.diagnose(inspection)
    (root / "ws/.env").write_text("A=1\nA=2\nB=3\n")
    from devstack.rules.engine import Choice

    mend(request, inspection, Choice(select=frozenset(("duplicate-key",))))
    assert (root / "ws/.env").read_text() == "A=1\nA=2\nB=3\n"
    assert "changed since it was read" in capsys.readouterr().out


def test_lines_are_mended_where_they_stand_below_a_form_feed(
    tree: Tree, devstack: Callable[..., Any]
) -> None:
    body = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"
    root = tree({**FILES, "ws/.env": f"A=a\x0cb\r\nNАME=x\nKEY={body}\nB='y\n"})
    outcome = devstack("doctor", "--unsafe-fixes", "--select", "DS505,DS105,DS508", cwd=root)
    assert "3 fixes applied" in outcome.out
    assert (root / "ws/.env").read_bytes().decode() == f"A=a\x0cb\r\nNAME=x\nKEY=\"{body}\"\nB='y'\n"


def test_all_lines_of_one_file_are_mended_at_once_however_many(
    tree: Tree, devstack: Callable[..., Any]
) -> None:
    root = tree({**FILES, "ws/.env": "".join(f"NАME_{at}=x\n" for at in range(14))})
    outcome = devstack("doctor", "--fix", "--select", "invisible-characters", cwd=root)
    assert "14 fixes applied" in outcome.out


def test_the_excerpt_is_the_line_that_is_meant_below_a_form_feed(
    tree: Tree, devstack: Callable[..., Any]
) -> None:
    root = tree({**FILES, "ws/.env": "A=a\x0cb\nTOPIC_ONE=1\nTOPIC_TWO: x\n"})
    outcome = devstack("doctor", "--select", "syntax", cwd=root)
    assert "    3 │ TOPIC_TWO" in outcome.out


@pytest.mark.parametrize("host", ["[::]", "0.0.0.0", "host.docker.internal"])
def test_a_host_that_no_page_reaches_becomes_localhost(
    host: str, tree: Tree, devstack: Callable[..., Any]
) -> None:
    stack = """\
name = "pair"
[services.web]
type = "vite"
port = 5173
[services.ws]
type = "command"
command = "sleep 1"
port = 3001
[[links]]
from = "web:VITE_WS_URL"
to = "ws"
wait = false
"""
    root = tree({"stack.toml": stack, ".env": f"VITE_WS_URL=ws://{host}:3001/a?b\n"})
    devstack("doctor", "--unsafe-fixes", "--select", "url-host-unreachable", cwd=root)
    assert (root / ".env").read_text() == "VITE_WS_URL=ws://localhost:3001/a?b\n"


def test_running_services_are_asked_again_after_a_fix(tree: Tree, devstack: Callable[..., Any]) -> None:
    root = tree({**FILES, "ws/.env": "A=1\nA=2\n"})
    outcome = devstack("doctor", "--unsafe-fixes", "--live", "--json", cwd=root)
    assert "fix applied" in outcome.err
    assert json.loads(outcome.out)["skipped"] == []


def test_fix_keeps_json_output_clean(tree: Tree, devstack: Callable[..., Any]) -> None:
    root = tree({**FILES, "ws/.env": "A=1\nA=2\n"})
    outcome = devstack("doctor", "--unsafe-fixes", "--json", cwd=root)
    assert json.loads(outcome.out)["version"] == 1
    assert "fix applied" in outcome.err


def test_preflight_looks_at_files_and_not_at_ports(tree: Tree) -> None:
    from devstack.stack.load import load

    stack = load(tree({**FILES, "ws/.env": "A=1\n<<<<<<< a\n>>>>>>> b\n"}) / "stack.toml")
    report = command.preflight(stack, process={"PATH": os.environ["PATH"]})
    assert report.count(Severity.ERROR) == 1
    assert not {"port-held", "port-other-family"} & set(report.timings)


def test_explain_prints_a_page_by_name_or_id(tree: Tree, devstack: Callable[..., Any]) -> None:
    root = tree({})
    pages = [devstack("explain", handle, cwd=root).out for handle in ("duplicate-key", "DS501", "ds501")]
    assert len(set(pages)) == 1
    assert "Why it matters" in pages[0]


def test_explain_of_a_host_prints_the_dated_table(tree: Tree, devstack: Callable[..., Any]) -> None:
    told = devstack("explain", "host-without-websocket", cwd=tree({}))
    assert told.code == 0
    assert "*.awsapprunner.com" in told.out
    assert "2026-11: AWS App Runner developer guide" in told.out


def test_explain_lists_every_rule_and_knows_other_topics(tree: Tree, devstack: Callable[..., Any]) -> None:
    root = tree({})
    table = devstack("explain", cwd=root).out
    assert all(rule.name in table for rule in CATALOGUE)
    assert "hot-reload" in devstack("explain", "hmr-socket", cwd=root).out
    outcome = devstack("explain", "duplicate", cwd=root)
    assert (outcome.code, "duplicate-key" in outcome.err) == (2, True)


def test_explain_settings_says_where_each_value_comes_from(tree: Tree, devstack: Callable[..., Any]) -> None:
    root = tree({"stack.toml": STACK + '[devstack]\ngrace = "3s"\n'})
    outcome = devstack("doctor", "--explain-settings", cwd=root, env={"DEVSTACK_LOG_FORMAT": "json"})
    assert outcome.code == 0
    assert re.search(r"grace\s+3s\s+stack.toml", outcome.out)
    assert re.search(r"log_format\s+json\s+environment", outcome.out)


def test_the_pre_commit_hook_runs_doctor_on_the_files_that_it_reads() -> None:
    (hook,) = yaml.safe_load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text())
    assert hook["entry"] == "devstack doctor"
    matching = (
        "stack.toml",
        "web/.env",
        "web/.env.local",
        "dev.env",
        "Procfile.dev",
        "web/package.json",
        "vite.config.ts",
    )
    assert all(re.search(hook["files"], name) for name in matching)
    assert not any(re.search(hook["files"], name) for name in ("src/environment.ts", "README.md"))
