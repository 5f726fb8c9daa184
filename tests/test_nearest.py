"""The name that was probably meant."""

from __future__ import annotations

import pytest

from devstack.errors import unknown_service
from devstack.nearest import did_you_mean


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
