"""The name that was probably meant."""

from __future__ import annotations

import pytest

from devstack.errors import unknown_service
from devstack.nearest import did_you_mean, is_one_slip


@pytest.mark.parametrize(
    ("given", "known", "said"),
    [
        ("depend_on", ["depends_on", "dir"], "did you mean `depends_on`?"),
        ("Depends-On", ["depends_on"], "did you mean `depends_on`?"),
        ("zzz", ["web", "ws"], None),
        ("web", [], None),
    ],
)
def test_the_nearest_name_is_offered_whatever_its_case(
    given: str, known: list[str], said: str | None
) -> None:
    assert did_you_mean(given, known) == said


def test_an_unknown_service_is_answered_with_all_of_them_where_none_is_near() -> None:
    assert unknown_service("db", ["web", "ws"]).hint == "services: web, ws"
    assert unknown_service("wbe", ["web", "ws"]).hint == "did you mean `web`?"
    assert unknown_service("db", []).hint == "services: none"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("JWT_SECRTE", "JWT_SECRET"),
        ("JWT_SECRE", "JWT_SECRET"),
        ("JWTT_SECRET", "JWT_SECRET"),
        ("WS_URI", "WS_URL"),
        ("jwt_secret", "JWT_SECRET"),
    ],
)
def test_a_slip_of_the_finger_is_one_letter(given: str, meant: str) -> None:
    assert is_one_slip(given, meant)


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("API_KEY_2", "API_KEY_1"),
        ("API_KEY", "API_KEY2"),
        ("DB_HOST", "DB_PORT"),
        ("B", "A"),
        ("URL_A", "URL"),
    ],
)
def test_numbered_short_and_other_names_are_meant(given: str, known: str) -> None:
    assert not is_one_slip(given, known)
