"""Minting and judging tokens, against PyJWT as the real verifier."""

from __future__ import annotations

import base64
import datetime
import secrets
import time
import warnings

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.contract.token_check import Verifier, check, decode, remarks
from devstack.contract.tokens import CannotMintError, Minter, TokenKind, matrix, mint
from devstack.stack.model import TokenSpec

SECRET = secrets.token_urlsafe(32)
OTHER = secrets.token_urlsafe(32)


def minter(secret: str = SECRET, **spec: object) -> Minter:
    return Minter(spec=TokenSpec(**spec), secret=secret)  # type: ignore[arg-type]


def verifier(secret: str = SECRET, label: str = "ws:JWT_SECRET", **more: object) -> Verifier:
    return Verifier(service=label.partition(":")[0], label=label, secret=secret, **more)  # type: ignore[arg-type]


def reasons(token: str, *verifiers: Verifier, now: float | None = None) -> tuple[str, ...]:
    return check(token, verifiers or (verifier(),), now=time.time() if now is None else now)[0].reasons


def accepted_by_pyjwt(token: str | None, **options: object) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            jwt.decode(token or "", SECRET, algorithms=["HS256"], **options)  # type: ignore[arg-type]
        except jwt.PyJWTError:
            return False
    return True


def test_only_the_good_token_of_the_matrix_is_accepted_by_a_real_verifier() -> None:
    tokens = matrix(minter(claims={"aud": "app", "iss": "web"}), now=time.time())
    assert set(tokens) == set(TokenKind)
    taken = {kind for kind, token in tokens.items() if accepted_by_pyjwt(token, audience="app", issuer="web")}
    assert taken == {TokenKind.GOOD}


def test_our_verdict_on_each_kind_is_that_of_the_real_verifier() -> None:
    strict = verifier(audience="app", issuer="web")
    for token in matrix(minter(claims={"aud": "app", "iss": "web"}), now=time.time()).values():
        ours = check(token or "", (strict,), now=time.time())[0].accepted
        assert ours == accepted_by_pyjwt(token, audience="app", issuer="web")


def test_the_expired_token_is_expired_however_long_the_declared_claims_last() -> None:
    tokens = matrix(minter(claims={"exp": 4_102_444_800}), now=time.time())
    assert accepted_by_pyjwt(tokens[TokenKind.GOOD])
    assert not accepted_by_pyjwt(tokens[TokenKind.EXPIRED])


def test_claims_that_no_token_can_hold_are_told() -> None:
    with pytest.raises(CannotMintError, match="claims"):
        matrix(minter(claims={"since": datetime.date(2030, 1, 1)}), now=time.time())


def test_kinds_without_a_declared_claim_are_left_out() -> None:
    assert TokenKind.WRONG_AUDIENCE not in matrix(minter(), now=time.time())


def test_declared_claims_win_over_the_probe_s_own() -> None:
    token = mint(minter(claims={"sub": "someone", "role": "client"}), now=time.time())
    assert decode(token).claims["sub"] == "someone"


def test_a_livekit_token_carries_key_and_grant() -> None:
    token = mint(Minter(spec=TokenSpec(), secret=SECRET, api_key="devkey"), now=time.time())
    claims = decode(token).claims
    assert claims["iss"] == "devkey"
    assert claims["video"]["roomJoin"] is True  # type: ignore[index]


def test_an_empty_secret_cannot_sign() -> None:
    with pytest.raises(CannotMintError, match="empty"):
        mint(minter(""), now=time.time())


def test_an_asymmetric_algorithm_cannot_be_minted_from_a_shared_secret() -> None:
    with pytest.raises(CannotMintError, match="RS256"):
        mint(minter(algorithm="RS256"), now=time.time())


def test_the_signer_of_a_mismatch_is_named() -> None:
    token = mint(minter(OTHER), now=time.time())
    said = reasons(token, verifier(), verifier(OTHER, "web:JWT_SECRET"))
    assert said[0].startswith("signature mismatch: signed with web:JWT_SECRET, verified with ws:JWT_SECRET")


@pytest.mark.parametrize(
    ("signing", "verifying", "cause"),
    [
        (SECRET, SECRET + "\n", "line end"),
        (SECRET, f'"{SECRET}"', "quotes"),
        (SECRET, SECRET + "#tail", "#"),
        (SECRET + "\n", SECRET, "line end"),
        (
            base64.b64decode("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=").decode(),
            "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=",
            "base64",
        ),
    ],
    ids=["line-end", "quotes", "cut-at-hash", "line-end-of-the-signer", "base64"],
)
def test_one_secret_in_two_spellings_is_recognised(signing: str, verifying: str, cause: str) -> None:
    token = mint(minter(signing), now=time.time())
    assert cause in reasons(token, verifier(verifying))[0]


def test_times_are_told_in_words() -> None:
    now = time.time()
    tokens = matrix(minter(), now=now)
    assert "expired 1 h ago" in reasons(tokens[TokenKind.EXPIRED] or "", now=now)[0]
    assert "(nbf)" in reasons(tokens[TokenKind.NOT_YET_VALID] or "", now=now)[0]


def test_an_encrypted_session_cookie_is_explained() -> None:
    header = base64.urlsafe_b64encode(b'{"alg":"dir","enc":"A256GCM"}').rstrip(b"=").decode()
    problem = decode(f"{header}..iv.text.tag").problem
    assert problem
    assert "NextAuth" in problem


def test_exp_in_milliseconds_and_a_numeric_subject_are_remarked() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        token = mint(minter(claims={"exp": int(time.time() * 1000), "aud": "x"}), now=time.time())
    notes = " ".join(remarks(decode(token), now=time.time()))
    assert "milliseconds" in notes
    assert "audience=" in notes


def test_nothing_shows_the_secret() -> None:
    tool = minter()
    assert SECRET not in repr(tool) + repr(verifier()) + repr(
        check(mint(tool, now=0), (verifier(OTHER),), now=0)
    )


@given(st.text(max_size=300))
def test_any_text_is_judged_without_an_exception(text: str) -> None:
    assert check(text, (verifier(),), now=0)[0].accepted is False


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60))
def test_every_secret_verifies_its_own_tokens(secret: str) -> None:
    token = mint(minter(secret), now=1_000_000)
    assert check(token, (verifier(secret),), now=1_000_010)[0].accepted
