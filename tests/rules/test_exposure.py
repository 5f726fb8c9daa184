"""What counts as a real secret, and which public names are secrets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devstack.env.source.model import SourceRead
from devstack.rules.exposure import is_exposed_secret, is_surely_client, looks_real
from devstack.rules.inspection import Inspection


@pytest.mark.parametrize(
    "name",
    [
        "NEXT_PUBLIC_JWT_SECRET",
        "VITE_SUPABASE_SERVICE_ROLE_KEY",
        "VITE_DB_PASSWORD",
        "NEXT_PUBLIC_OPENAI_API_KEY",
        "NEXT_PUBLIC_PRIVATE_KEY",
        "LIVEKIT_API_SECRET",
    ],
)
def test_names_that_no_page_may_have(name: str) -> None:
    assert is_exposed_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "NEXT_PUBLIC_STRIPE_PUBLISHABLE_KEY",
        "NEXT_PUBLIC_FIREBASE_API_KEY",
        "NEXT_PUBLIC_GOOGLE_MAPS_API_KEY",
        "VITE_MAPBOX_TOKEN",
        "NEXT_PUBLIC_SUPABASE_ANON_KEY",
        "NEXT_PUBLIC_POSTHOG_KEY",
        "NEXT_PUBLIC_LIVEKIT_API_KEY",
        "NEXT_PUBLIC_MAX_TOKENS",
        "NEXT_PUBLIC_TENANT_ID",
        "NEXT_PUBLIC_PASSWORD_RESET_URL",
    ],
)
def test_names_that_are_made_for_pages(name: str) -> None:
    assert not is_exposed_secret(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("JWT_SECRET", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
        ("SESSION_SECRET", "Zq8vK2mX7pLw4tRb9nYc6hDf3sGj5aEu1oQi0Tr"),
        ("ANYTHING", "sk_live_tulip7431rose9120"),
    ],
)
def test_random_texts_and_known_kinds_are_real(name: str, text: str) -> None:
    assert looks_real(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("JWT_SECRET", ""),
        ("JWT_SECRET", "change-me-in-production"),
        ("JWT_SECRET", "acme-dev-signing-2024-local"),
        ("JWT_SECRET", "op://vault/item/field"),
        ("POSTGRES_PASSWORD", "postgres"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("OPENAI_API_KEY", "sk-proj-xxxxxxxxxxxxxxxxxxxxxxxx"),
        ("BUILD_ID", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_test_tulip7431rose9120"),
        ("TOKEN", "00000000000000000000000000000000"),
    ],
)
def test_words_defaults_and_documentation_are_not(name: str, text: str) -> None:
    assert not looks_real(name, text)


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("'use client'\n", True),
        ('// a note\n/* and\nanother */\n\n"use client"\n', True),
        ("import x from 'y'\n'use client'\n", False),
        ("\n" * 5000 + "export {}\n", False),
    ],
)
def test_a_client_module_says_so_at_its_beginning(
    text: str, sure: bool, inspected: Callable[..., Inspection]
) -> None:
    stack = 'name = "one"\n[services.web]\ntype = "next"\ndir = "web"\nport = 3000\n'
    inspection = inspected({"stack.toml": stack, "web/package.json": "{}", "web/app/c.tsx": text})
    read = SourceRead(name="A", path="web/app/c.tsx", line=1, column=0, form="process.env", client=True)
    assert is_surely_client(inspection, inspection.need_stack().services["web"], read) is sure
