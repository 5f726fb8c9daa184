"""What `devstack ws` and `devstack token check` write, to the letter."""

from __future__ import annotations

import json

from devstack.contract import token_check
from devstack.contract.codes import Code
from devstack.contract.diagnosis import Diagnosis, Step
from devstack.contract.evidence import Verdict
from devstack.contract.session import TokenTried
from devstack.contract.tokens import TokenKind
from devstack.views import token as token_view
from devstack.views import ws as ws_view
from devstack.views.style import Style

PLAIN = Style(colour=False, unicode=False)

REFUSED = Diagnosis(
    target="ws://localhost:3001/ws",
    service="ws",
    steps=(
        Step(name="static", ok=True, detail="web:WS_URL (web/.env:1) leads to ws://localhost:3001/ws"),
        Step(name="dns", ok=True, detail="127.0.0.1"),
        Step(name="upgrade", ok=False, detail="HTTP 401 Unauthorized", ms=2.94),
    ),
    tokens=(),
    verdict=Verdict(
        code=Code.UNAUTHORIZED,
        message="refused at the upgrade with HTTP 401, the token was refused",
        hint="make both values equal",
        close_code=1006,
    ),
    sent_token=True,
)

LET_IN = Diagnosis(
    target="ws://localhost:3001/ws",
    service=None,
    steps=(Step(name="latency", ok=None, detail="not measured"),),
    tokens=(
        TokenTried(kind=TokenKind.GOOD, accepted=True, close_code=None, http_status=101),
        TokenTried(kind=TokenKind.EXPIRED, accepted=True, close_code=None, http_status=101),
        TokenTried(kind=TokenKind.NONE, accepted=False, close_code=4401, http_status=101),
    ),
    verdict=Verdict(
        code=Code.BAD_TOKEN_ACCEPTED, message="the socket opens, but also for: expired", opened=True
    ),
)


def test_a_refusal_is_told_with_its_steps_the_browser_s_view_and_advice() -> None:
    assert ws_view.render(REFUSED, PLAIN) == (
        "ws  ws://localhost:3001/ws\n"
        "no: unauthorized  refused at the upgrade with HTTP 401, the token was refused\n"
        "\n"
        "  ok static    web:WS_URL (web/.env:1) leads to ws://localhost:3001/ws\n"
        "  ok dns       127.0.0.1\n"
        "  no upgrade   HTTP 401 Unauthorized  2.9 ms\n"
        "\n"
        "in a browser: error, then close code 1006: the page is told nothing else\n"
        "what to do: make both values equal\n"
    )


def test_the_token_matrix_is_a_table() -> None:
    assert ws_view.render(LET_IN, PLAIN) == (
        "ws://localhost:3001/ws\n"
        "no: bad-token-accepted  the socket opens, but also for: expired\n"
        "\n"
        "  - latency   not measured\n"
        "\n"
        "  token            taken     answer\n"
        "  good             accepted  HTTP 101\n"
        "  expired          accepted  HTTP 101\n"
        "  none             refused   HTTP 101, close 4401\n"
        "\n"
        "in a browser: open\n"
    )


def test_the_json_form_has_the_promised_keys() -> None:
    assert ws_view.document(REFUSED) == {
        "version": 1,
        "target": "ws://localhost:3001/ws",
        "service": "ws",
        "steps": [
            {
                "name": "static",
                "ok": True,
                "detail": "web:WS_URL (web/.env:1) leads to ws://localhost:3001/ws",
                "ms": 0.0,
            },
            {"name": "dns", "ok": True, "detail": "127.0.0.1", "ms": 0.0},
            {"name": "upgrade", "ok": False, "detail": "HTTP 401 Unauthorized", "ms": 2.94},
        ],
        "tokens": [],
        "verdict": {
            "code": "unauthorized",
            "message": "refused at the upgrade with HTTP 401, the token was refused",
            "hint": "make both values equal",
            "browser": {"opened": False, "close_code": 1006},
        },
    }
    assert json.loads(json.dumps(ws_view.document(LET_IN)))["tokens"][1] == {
        "kind": "expired",
        "accepted": True,
        "close_code": None,
        "http_status": 101,
    }


def test_a_checked_token_shows_times_reasons_and_no_signature() -> None:
    import jwt

    key = "k2T9wXqL5mZpR7vNc4tYb8sHd3fGj6aEu1"
    text = jwt.encode({"sub": "a\x1b[31m", "exp": 1_700_000_000}, key, algorithm="HS256")
    verifier = token_check.Verifier(service="ws", label="ws:JWT_SECRET", secret=key[::-1])
    decoded = token_check.decode(text)
    verdicts = token_check.check(text, [verifier], now=1_800_000_000.0)
    shown = token_view.render(decoded, verdicts, (), PLAIN)
    assert "exp  1700000000  2023-11-14 22:13:20 UTC" in shown
    assert "no ws:JWT_SECRET would refuse it" in shown
    assert "1006" in shown
    assert "\x1b" not in shown
    assert text.rpartition(".")[2] not in shown and key not in shown


def test_what_is_no_token_is_told_once() -> None:
    verifiers = [token_check.Verifier(service=name, label=f"{name}:KEY", secret="x" * 32) for name in "ab"]
    verdicts = token_check.check("abc", verifiers, now=0.0)
    shown = token_view.render(token_check.decode("abc"), verdicts, (), PLAIN)
    assert shown.splitlines() == [
        "a JWT has 3 parts separated by dots, this has 1",
        "",
        "no a:KEY would refuse it",
        "no b:KEY would refuse it",
        "",
        "in a browser: close code 1006, or the one that the server chooses after accepting",
    ]


def test_a_diagnosis_fits_a_narrow_terminal() -> None:
    text = ws_view.render(REFUSED, Style(colour=False, width=40))
    assert max(map(len, text.splitlines())) <= 40
    assert "\n  with HTTP 401, the token was refused\n" in text
    assert "\n      leads to ws://localhost:3001/ws\n" in text
