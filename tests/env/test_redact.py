"""Redaction: every form of a value, credentials that show themselves, and any cut of the stream."""

from __future__ import annotations

import base64
import hashlib
import json
from itertools import pairwise
from urllib.parse import quote, quote_plus

import jwt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devstack.env.redact import HOLD_LIMIT, MARKER, Redactor

SECRET = "Zq3/k+9 w&r!xY7_long-enough"


def streamed(redactor: Redactor, data: bytes, cuts: list[int]) -> bytes:
    """The output of a stream that gets `data` in pieces."""
    stream = redactor.stream()
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [stream.feed(data[start:stop]) for start, stop in pairwise(edges)]
    return b"".join([*pieces, stream.flush()])


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(SECRET, id="raw"),
        pytest.param(quote(SECRET), id="url"),
        pytest.param(quote(SECRET, safe=""), id="url-component"),
        pytest.param(quote_plus(SECRET), id="form"),
        pytest.param(quote(SECRET, safe="").replace("%2F", "%2f").replace("%2B", "%2b"), id="lower-case-hex"),
        pytest.param(json.dumps({"key": SECRET}), id="json"),
    ],
)
def test_a_value_is_found_in_the_forms_programs_print(form: str) -> None:
    assert form not in Redactor([SECRET]).redact(f"before {form} after")


ODD = "a'b\"c/d e&f<g>h~i*j%k{l}é\\m"


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("a'b\\\"c\\/d e&f<g>h~i*j%k{l}\\u00e9\\\\m", id="json of PHP"),
        pytest.param("a'b\\\"c/d e\\u0026f\\u003cg\\u003eh~i*j%k{l}é\\\\m", id="json of Go"),
        pytest.param("a'b\\\"c/d e&f<g>h~i*j%k{l}\\u00E9\\\\m", id="json of .NET"),
        pytest.param(json.dumps(json.dumps({"key": ODD})), id="json in json"),
        pytest.param(ascii(ODD), id="ascii"),
        pytest.param("a&#39;b&quot;c/d e&amp;f&lt;g&gt;h~i*j%k{l}é\\m", id="html"),
        pytest.param("a%27b%22c%2Fd+e%26f%3Cg%3Eh%7Ei*j%25k%7Bl%7D%C3%A9%5Cm", id="URLSearchParams"),
        pytest.param("a'b%22c/d%20e&f%3Cg%3Eh~i*j%25k%7Bl%7D%C3%A9%5Cm", id="encodeURI"),
        pytest.param("a%27b%22c%2Fd%20e%26f%3Cg%3Eh~i*j%25k%7Bl%7D%C3%A9%5Cm", id="URL object"),
        pytest.param("a'b%22c%2Fd%20e&f%3Cg%3Eh~i*j%k%7Bl%7D%C3%A9%5Cm", id="userinfo of a URL object"),
        pytest.param("`a'b\"c/d e&f<g>h~i*j%k{l}é\\\\m`", id="inspect"),
    ],
)
def test_odd_characters_are_found_as_other_writers_spell_them(form: str) -> None:
    assert "[redacted]" in Redactor([ODD]).redact(f"before {form} after")


@pytest.mark.parametrize("padding", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_found_wherever_the_value_stands_in_the_encoded_bytes(padding: int, encode: object) -> None:
    coded = encode(b"u" * padding + SECRET.encode() + b"tail").decode()  # type: ignore[operator]

    shown = Redactor([SECRET]).redact(f"Basic-ish {coded}.")

    core = coded[padding + 4 : len(coded) - 12]
    assert core not in shown
    assert "[redacted]" in shown


def test_a_value_in_json_with_characters_outside_ascii_is_found() -> None:
    value = 'gäßchen"quoted"\n'

    shown = Redactor([value]).redact(json.dumps(value) + json.dumps(value, ensure_ascii=False))

    assert shown == '"[redacted]""[redacted]"'


def test_each_line_of_a_key_file_is_hidden_on_its_own() -> None:
    body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
    pem = f"-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----"

    assert body not in Redactor([pem]).redact(f"[worker] {body}\n")


def test_values_under_five_bytes_are_left_alone() -> None:
    assert Redactor(["1234", "abc", ""]).redact("1234 abc") == "1234 abc"


def test_a_value_of_five_bytes_is_hidden() -> None:
    assert Redactor(["12345"]).redact("a12345b") == "a[redacted]b"


def test_a_json_web_token_is_hidden_without_knowing_it() -> None:
    token = jwt.encode({"sub": "me"}, "k" * 32)

    assert Redactor().redact(f"got {token}, thanks") == "got [redacted], thanks"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /ws?token=abc123&room=1 101", "GET /ws?token=[redacted]&room=1 101"),
        ("GET /ws?room=1&access_token=abc123", "GET /ws?room=1&access_token=[redacted]"),
        ("redirect=%2Fws%3Ftoken%3Dabc%26x", "redirect=%2Fws%3Ftoken%3D[redacted]"),
        ("postgres://app:p4ss@db:5432/x", "postgres://[redacted]@db:5432/x"),
        ("https://ghp_x@github.com/a/b", "https://[redacted]@github.com/a/b"),
        ("Authorization: Bearer abcd.efgh", "Authorization: Bearer [redacted]"),
        ('{"authorization": "Basic dTpw"}', '{"authorization": "Basic [redacted]"}'),
        ("AUTHORIZATION=Bearer abcdefgh", "AUTHORIZATION=Bearer [redacted]"),
    ],
)
def test_credentials_that_show_themselves_are_hidden(text: str, shown: str) -> None:
    assert Redactor().redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:3000/@user",
        "eyJust a word",
        "tokens=3 of 4",
        "npm WARN next@16.0.0 needs react@19",
        "see https://medium.com/@user/post",
        "mail to someone@example.org",
        "authorization is required",
    ],
)
def test_ordinary_output_is_not_touched(text: str) -> None:
    assert Redactor(["something-else"]).redact(text) == text


def test_overlapping_values_leave_nothing_of_either() -> None:
    assert Redactor(["abcdef", "defghi"]).redact("-abcdefghi-") == "-[redacted]-"


def test_a_value_that_overlaps_itself_leaves_nothing() -> None:
    assert Redactor(["ababab"]).redact("xababababy") == "x[redacted]y"


def test_a_whole_line_leaves_the_stream_at_once() -> None:
    assert Redactor([SECRET]).stream().feed(b"ready on 3001\n") == b"ready on 3001\n"


def test_a_prompt_without_newline_leaves_the_stream_at_once() -> None:
    assert Redactor([SECRET]).stream().feed(b"continue? [y/N] ") == b"continue? [y/N] "


def test_an_endless_line_is_not_collected_in_memory() -> None:
    stream = Redactor(["a" * 64]).stream()
    block = b"a" * 32768

    given = sum(len(stream.feed(block)) for _ in range(20))

    assert given < 100
    assert len(stream.flush()) <= HOLD_LIMIT


def test_an_endless_token_is_held_within_the_limit() -> None:
    stream = Redactor([SECRET]).stream()
    out = b"".join(stream.feed(b"eyJ" + b"a" * 5000 + b"." + b"b" * 30000) for _ in range(20))

    assert len(out) > 20 * 35000 - 2 * HOLD_LIMIT


def test_undecodable_bytes_pass_unchanged() -> None:
    assert Redactor([SECRET]).redact_bytes(b"\xff\xfe ok \x80") == b"\xff\xfe ok \x80"


def test_the_representation_shows_no_value() -> None:
    assert SECRET not in repr(Redactor([SECRET]))


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize("shape", ["{}", "Z{}q", "~{}~{}~"])
def test_each_of_many_values_is_found_among_ordinary_lines(count: int, shape: str) -> None:
    digests = [hashlib.sha256(b"%d" % number).hexdigest()[:40] for number in range(count)]
    values = [shape.format(*[digest] * 2) for digest in digests]
    redactor = Redactor(values)
    lines = b"2026-01-01T00:00:00Z INFO GET /api/chat 200 in 12 ms\n" * 500
    for value in values:
        assert redactor.present(lines + b"key " + value.encode() + b"\n" + lines) == (value.encode(),)
    assert redactor.present(lines) == ()


PIECES = st.sampled_from(
    [
        *(
            "eyJ",
            "eyJhbGciOiJI",
            ".",
            "abcd",
            "token=",
            "token%3D",
            "secret=",
            "://",
            "u:p",
            "@",
            "host",
            "\n",
            " ",
        ),
        *(
            "Authorization",
            ": ",
            "Bearer ",
            '"',
            "&",
            "aaaaaa",
            "aa",
            "bab",
            "abab",
            "x",
            "tok",
            "en",
            "https",
            ";",
        ),
        *("line one\nline", "\nline two", "é", "%3"),
    ]
)
VALUES = st.lists(
    st.sampled_from(
        [
            "aaaaa",
            "ababa",
            "babab",
            "line one\nline two",
            "n=abc",
            "u:p@host",
            "abcd&x",
            "redacted",
            "é@hosté",
        ]
    ),
    max_size=4,
)


@given(
    st.lists(PIECES, max_size=30).map("".join),
    VALUES,
    st.lists(st.integers(min_value=0, max_value=10_000), max_size=12),
)
@settings(max_examples=500, deadline=None)
@example("Authorization: Bearer abcd", [], [15, 22, 23])
@example("xaaaaaaaaay", ["aaaaa"], [3, 7, 8])
@example("token=a://u;p@host", [], [9, 12])
def test_the_output_does_not_depend_on_where_blocks_end(
    text: str, values: list[str], cuts: list[int]
) -> None:
    redactor, data = Redactor(values), text.encode()

    assert streamed(redactor, data, cuts) == redactor.redact_bytes(data)


@given(
    st.text(alphabet=st.characters(codec="utf-8"), min_size=5, max_size=60),
    st.text(max_size=40),
    st.text(max_size=40),
    st.lists(st.integers(min_value=0, max_value=500), max_size=6),
)
@settings(max_examples=300, deadline=None)
def test_no_value_survives_in_any_form(value: str, before: str, after: str, cuts: list[int]) -> None:
    raw = value.encode()
    forms = [
        raw,
        quote(value, safe="").encode(),
        json.dumps(value)[1:-1].encode(),
        base64.b64encode(raw).rstrip(b"="),
    ]
    redactor = Redactor([value])
    for form in forms:
        data = before.encode() + b"\n" + form + b"\n" + after.encode()
        shown = streamed(redactor, data, cuts).replace(MARKER, b"\x00")
        outside = before.encode() + b"\n\x00" + after.encode()
        assert form not in shown or form in outside
