"""The verdict is total: whatever was seen, there is one, in words that hold no token."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.contract import identity, livekit, protocols, token_check
from devstack.contract.attempt import AddressTried, Answer, Outcome
from devstack.contract.codes import Code
from devstack.contract.evidence import Crowd, Evidence, matches_route
from devstack.contract.identity import Identity, Program
from devstack.contract.knock import SETTLED
from devstack.contract.protocols import Manner
from devstack.contract.tokens import TokenKind
from devstack.contract.verdict import decide
from devstack.stack.model import Expect

words = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["invalid token", "origin not allowed", "subprotocol", "Unauthorized", "", "plain"]),
)
statuses = st.one_of(
    st.none(), st.integers(100, 599), st.sampled_from([101, 200, 301, 400, 401, 403, 404, 426, 500])
)
codes = st.one_of(
    st.none(), st.integers(0, 5000), st.sampled_from([1000, 1005, 1006, 1008, 1011, 1012, 4401, 4403])
)

answers = st.builds(
    Answer,
    outcome=st.sampled_from(Outcome),
    tried=st.lists(
        st.builds(AddressTried, address=st.just("127.0.0.1"), outcome=st.sampled_from(Outcome)), max_size=2
    ).map(tuple),
    status=statuses,
    reason=words,
    headers=st.dictionaries(st.sampled_from(["location", "content-type", "server"]), words),
    body=st.one_of(st.binary(max_size=60), words.map(str.encode)),
    subprotocol=st.one_of(st.none(), st.sampled_from(["vite-hmr", "chat"])),
    frames=st.lists(words, max_size=2),
    invalid=st.sampled_from(["", "", "", "reserved bits"]),
    closed=st.booleans(),
    close_code=codes,
    close_reason=words,
    open_seconds=st.floats(0, 100),
    silent_seconds=st.floats(0, 100),
    detail=words,
)
identities = st.one_of(st.none(), st.builds(Identity, program=st.sampled_from(Program), evidence=words))
maybe = st.one_of(st.none(), answers)
evidences = st.builds(
    Evidence,
    main=answers,
    path=st.sampled_from(["", "/", "/ws", "/ws/1"]),
    host=st.sampled_from(["localhost", "::1", "example.org", ""]),
    port=st.integers(0, 65535),
    origin=st.one_of(st.none(), st.just("http://localhost:3000")),
    has_token=st.booleans(),
    refused_by_message=st.one_of(st.none(), words),
    hmr=identities,
    identity=identities,
    control=maybe,
    without_origin=maybe,
    without_subprotocol=maybe,
    declared_path=st.one_of(st.none(), st.just("/ws")),
    at_declared_path=maybe,
    over_tls=st.booleans(),
    over_plain=st.booleans(),
    routes=st.lists(st.sampled_from(["/ws", "/ws/{room}", "/ws/:id", "/["]), max_size=2).map(tuple),
    tokens=st.dictionaries(st.sampled_from(TokenKind), st.booleans()),
    needs_token=st.booleans(),
    is_greeted=st.booleans(),
    expect=st.builds(
        Expect,
        kind=st.sampled_from(["open", "close", "status"]),
        codes=st.lists(st.sampled_from([401, 403, 4401, 1008]), max_size=2).map(tuple),
    ),
    holder=st.one_of(st.none(), words),
    token_reason=st.one_of(st.none(), words),
    refused_because=st.one_of(st.none(), words),
    without_deflate=maybe,
    kept_alive=maybe,
    crowd=st.one_of(
        st.none(), st.builds(Crowd, asked=st.just(20), opened=st.integers(0, 20), others=st.just("x"))
    ),
)


@settings(max_examples=300, deadline=None)
@given(evidences)
def test_every_evidence_has_one_verdict_that_a_browser_could_show(evidence: Evidence) -> None:
    found = decide(evidence)
    assert isinstance(found.code, Code)
    assert found.message
    assert "\n" not in found.message.replace(str(evidence.token_reason), "").replace(str(evidence.holder), "")
    if not evidence.main.opened:
        assert (found.opened, found.close_code) == (False, 1006)
    if found.opened and not evidence.main.closed:
        assert found.close_code is None


@settings(max_examples=150, deadline=None)
@given(evidences)
def test_ok_means_open_or_refused_as_declared(evidence: Evidence) -> None:
    if decide(evidence).code is Code.OK:
        stays_open = evidence.main.opened and not evidence.main.closed
        assert stays_open or evidence.is_as_declared


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)
hostile_frames = st.one_of(
    words,
    json_values.map(json.dumps),
    st.just("[" * 4000),
    json_values.map(lambda value: json.dumps({"type": value, "action": value})),
)


@given(st.lists(hostile_frames, max_size=3), st.sampled_from(["ws", "socket.io", "graphql-ws", "livekit"]))
def test_no_message_of_a_server_breaks_the_look_at_it(frames: list[str], protocol: str) -> None:
    answer = Answer(outcome=Outcome.OPEN, status=101, frames=frames)
    manner = Manner(protocol=protocol)
    identity.of_answer(answer, "/ws")
    assert protocols.refusal(manner, answer) is None or isinstance(protocols.refusal(manner, answer), str)
    assert protocols.is_greeted(manner, answer) in (True, False)


segments = st.one_of(words, json_values.map(lambda value: _segment(value)))


def _segment(value: object) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


claims = st.dictionaries(
    st.sampled_from(["exp", "nbf", "iat", "aud", "iss", "sub", "x"]), json_values, max_size=4
).map(_segment)
headers = st.dictionaries(st.sampled_from(["alg", "enc", "typ", "kid"]), json_values, max_size=3).map(
    _segment
)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.lists(segments, max_size=6).map(".".join),
        st.tuples(
            st.one_of(headers, st.just(_segment({"alg": "HS256"}))), claims, st.sampled_from(["", "c2ln"])
        ).map(".".join),
    )
)
def test_no_token_breaks_the_check(token: str) -> None:
    decoded = token_check.decode(token)
    verifier = token_check.Verifier(
        service="ws", label="ws:JWT_SECRET", secret="k" * 40, audience="app", issuer="web"
    )
    (verdict,) = token_check.check(token, [verifier], now=1_800_000_000.0)
    token_check.remarks(decoded, now=1_800_000_000.0)
    assert not verdict.accepted
    assert verdict.reasons


@pytest.mark.parametrize(
    ("path", "route", "fits"),
    [
        ("/ws", "/ws", True),
        ("/ws/", "/ws", True),
        ("/api/ws/chat/7", "/ws/chat/{id}", True),
        ("/ws/7", "/ws/:id", True),
        ("/ws/7/8", "/ws/{id}", False),
        ("/socket", "/ws", False),
    ],
)
def test_a_path_fits_the_route_of_a_router(path: str, route: str, fits: bool) -> None:
    assert matches_route(path, route) is fits


def test_only_answers_that_a_server_repeats_are_settled() -> None:
    assert {Code.UNAUTHORIZED, Code.TOKEN_REJECTED, Code.ORIGIN_REJECTED} <= SETTLED
    assert not {Code.OK, Code.NOT_LISTENING, Code.CRASHED, Code.NO_ANSWER, Code.WRONG_PATH} & SETTLED


def dropped(seconds: float, host: str = "app.example", server: str = "") -> Evidence:
    """Silent for `seconds`, then gone without a close frame; with pings it stayed."""
    main = Answer(
        outcome=Outcome.OPEN, closed=True, open_seconds=seconds + 1, silent_seconds=seconds,
        headers={"server": server},
    )  # fmt: skip
    return Evidence(main=main, path="/", host=host, port=443, kept_alive=Answer(outcome=Outcome.OPEN))


@pytest.mark.parametrize(
    ("seconds", "host", "server", "named", "not_named"),
    [
        (60.1, "app.example", "", "AWS load balancers", "Heroku"),
        (60.1, "localhost", "", "nginx (proxy_read_timeout)", "AWS"),
        (60.1, "app.example", "nginx/1.22.1", "nginx answers here", "AWS"),
        (55.2, "app.example", "", "Heroku", "nginx"),
        (100.4, "app.example", "", "Cloudflare", "nginx"),
        (3.0, "localhost", "openresty", "proxy_read_timeout", "HAProxy"),
        (7.0, "localhost", "Python/3.11 websockets/16.0", "silence is the cause", ";  "),
    ],
)
def test_who_drops_a_silent_socket_is_known_by_its_name_or_by_when(
    seconds: float, host: str, server: str, named: str, not_named: str
) -> None:
    said = decide(dropped(seconds, host, server)).message
    assert named in said
    assert not_named not in said


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("invalid token: eyJhbGci.nbfEXPgrant.sIgNATUREx, error: token is expired (exp)", "expired"),
        (
            "invalid token: aGVhZGVy.bmJmbmJm-nbf-nbf.c2lnbmF0, error: error in cryptographic primitive",
            "SECRET",
        ),
        ("permissions denied", "roomJoin"),
        ("invalid API key: APIx", "LIVEKIT_API_KEY"),
        ("identity cannot be empty", "(sub) is empty"),
        ("requested room does not exist", "auto_create"),
        ("invalid authorization token", "cannot read it"),
    ],
)
def test_what_livekit_says_is_understood_whatever_letters_the_token_holds(said: str, cause: str) -> None:
    found = livekit.cause(said)
    assert found is not None and cause in found
    assert livekit.cause(said, has_token=False) is None
