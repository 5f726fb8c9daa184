"""Which names and texts are secret, placeholders, fingerprints and masked URLs."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from random import Random

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.env import secrets
from devstack.env.secrets import (
    SECRET_WORDS,
    Fingerprinter,
    is_masked,
    is_placeholder,
    is_publishable,
    is_secret_name,
    is_secret_reference,
    is_secret_text,
    mask_url,
    may_hold_secret,
    placeholder,
    secret_texts,
)
from devstack.rules import exposure


@pytest.mark.parametrize(
    "name",
    [
        *(
            "JWT_SECRET",
            "API_KEY",
            "OPENAI_API_KEY",
            "openai_api_key",
            "apiKey",
            "GITHUB_TOKEN",
            "POSTGRES_PASSWORD",
        ),
        *(
            "PGPASSWORD",
            "MYSQL_PWD",
            "SECRET_KEY_BASE",
            "API_KEY_2",
            "JWT_SECRET_OLD",
            "PRIVATE_KEY_BASE64",
            "PASSPHRASE",
        ),
        *(
            "NEXT_PUBLIC_JWT_SECRET",
            "VITE_API_KEY",
            "LIVEKIT_API_SECRET",
            "SITE_PASSWORD",
            "AUTH_SALT",
            "TOKEN",
        ),
    ],
)
def test_the_last_word_makes_a_name_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "SECRET_PATH",
            "KEY_FILE",
            "TOKEN_ENDPOINT",
            "TOKEN_URL",
            "TOKEN_EXPIRY",
            "ACCESS_TOKEN_EXPIRES_IN",
            "TOKEN_TTL",
        ),
        *(
            "TOKEN_LIMIT",
            "PASSWORD_ENABLED",
            "KEY_REGION",
            "SECRET_NAME",
            "PASSWORD_ROUNDS",
            "KEY_VERSION",
            "MAX_TOKENS",
        ),
        *(
            "NEXT_PUBLIC_SUPABASE_ANON_KEY",
            "STRIPE_PUBLISHABLE_KEY",
            "TURNSTILE_SITE_KEY",
            "DD_CLIENT_TOKEN",
            "PUBLIC_KEY",
        ),
        *(
            "AWS_ACCESS_KEY_ID",
            "CACHE_KEY",
            "REQUIRE_TOKEN",
            "PWD",
            "PORT",
            "MONKEY",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "",
        ),
    ],
)
def test_names_that_only_look_secret(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("VITE_STRIPE_KEY", "pk_live_51Habc"),
        ("NEXT_PUBLIC_POSTHOG_KEY", "phc_abcdefghij"),
        ("NEXT_PUBLIC_SUPABASE_ANON_KEY", "anything"),
        ("VITE_SUPABASE_KEY", jwt.encode({"role": "anon"}, "k" * 32)),
        ("VITE_SUPABASE_KEY", "sb_publishable_abc"),
    ],
)
def test_publishable_keys(name: str, text: str) -> None:
    assert is_publishable(name, text)
    assert not is_masked(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("VITE_SUPABASE_KEY", jwt.encode({"role": "service_role"}, "k" * 32)),
        ("VITE_STRIPE_KEY", "sk_live_51Habcdefghij"),
        ("NEXT_PUBLIC_JWT_SECRET", "pk_live_x"),
        ("VITE_SUPABASE_KEY", f"eyJhbGciOiJIUzI1NiJ9.{'W1tb' * 50_000}.c2ln"),
    ],
)
def test_keys_that_are_not_publishable(name: str, text: str) -> None:
    assert not is_publishable(name, text)


PLACEHOLDERS = [
    *(
        "change-me",
        "changeme",
        "changethis",
        "change-me-in-production",
        "my-key-change-in-production",
        "password",
        "admin",
    ),
    *(
        "test",
        "your-api-key",
        "your_secret_here",
        "YOUR_API_KEY",
        "<token>",
        "<your token>",
        "xxx",
        "xxxxxxxx",
        "****",
        "...",
    ),
    *(
        "sk-",
        "sk-proj-xxxx",
        "sk-ant-...",
        "replace-with-a-real-one",
        "REPLACE_ME",
        "generate_with_openssl",
        "DEADBEEF",
    ),
    *(
        "0" * 64,
        "super-secret-jwt-token-with-at-least-32-characters-long",
        "dev-secret-123",
        "https://example.com",
    ),
    *(
        "wss://your-project.livekit.cloud",
        "postgres://u:your-password@h/db",
        "https://<project>.supabase.co",
        "{{KEY}}",
    ),
    *(
        "0123456789abcdef",
        "insert-key-here",
        "placeholder",
        "development-only",
        "secret",
        "devkey",
        "minioadmin",
    ),
]


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_placeholders(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
            "ws://localhost:3001",
            "correct horse battery staple",
            "wss://abc.livekit.cloud",
        ),
        *(
            "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
            "3000",
            "postgres://postgres:postgres@localhost/db",
            "APIabc123def",
        ),
        *("op://vault/item/field", "aXxxQ7", "http://127.0.0.1:8000/api"),
    ],
)
def test_real_values(text: str) -> None:
    assert not is_placeholder(text)


def test_random_secrets_are_no_placeholders() -> None:
    random = Random(1)  # of a million texts some do hold a `you`
    for _ in range(300):
        data = random.randbytes(random.randint(16, 48))
        for text in (urlsafe_b64encode(data).decode().rstrip("="), data.hex()):
            assert placeholder(text) is None


def test_a_documented_development_default_says_whose_it_is() -> None:
    found = placeholder("secret", "LIVEKIT_API_SECRET")

    assert found is not None
    assert found.default_of == "livekit-server --dev"
    assert not is_placeholder("secret", "LIVEKIT_API_SECRET")
    assert is_placeholder("secret", "JWT_SECRET")
    assert not is_placeholder("postgres", "POSTGRES_PASSWORD")


@pytest.mark.parametrize(
    "text",
    [
        "op://vault/item",
        "vault:secret/data/x",
        "arn:aws:secretsmanager:eu-west-1:1:secret:x",
        "encrypted:BDqDB",
        "ENC[AES256_GCM,data:x]",
    ],
)
def test_a_secret_reference_is_neither_value_nor_placeholder(text: str) -> None:
    assert is_secret_reference(text)
    assert not is_placeholder(text)


@pytest.mark.parametrize(
    "text", ["sk-proj-" + "a1B2" * 6, "ghp_" + "a1B2" * 9, "-----BEGIN RSA PRIVATE KEY-----\nx"]
)
def test_a_text_can_be_secret_by_itself(text: str) -> None:
    assert is_secret_text(text)
    assert is_masked("ANYTHING", text)


def test_fingerprints_are_equal_within_a_run_and_different_between_runs() -> None:
    one, other = Fingerprinter(), Fingerprinter()

    assert one.of("abc") == one.of("abc") != one.of("abd")
    assert one.of("abc") != other.of("abc")
    assert one.of("abc").startswith("hmac:")
    assert len(one.of("abc")) == len("hmac:") + 8
    assert Fingerprinter(b"k").of("abc") == Fingerprinter(b"k").of("abc")
    assert "abc" not in one.describe("abc")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://u:p@h:5432/db", "postgres://***@h:5432/db"),
        ("postgres://u:p/w@h/db", "postgres://***@h/db"),
        ("redis://:pa#ss@h:1/0", "redis://***@h:1/0"),
        ("ws://localhost:3001/ws?token=abc&room=1", "ws://localhost:3001/ws?token=***&room=***"),
        ("http://h/a#frag", "http://h/a#***"),
        (
            "https://hooks.slack.com/services/T0/B0/abcdefghij0123456789",
            "https://hooks.slack.com/services/T0/B0/***",
        ),
        ("ws://[::1]:3000/a@b", "ws://[::1]:3000/a@b"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("not a url", "not a url"),
        ("ws://:", "ws://:"),
    ],
)
def test_urls_are_masked(url: str, shown: str) -> None:
    assert mask_url(url) == shown


def test_the_secret_of_a_url_is_its_password_not_its_address() -> None:
    assert set(secret_texts("DATABASE_URL", "postgres://app:p4ss%40w0rd@db:5432/x")) == {
        "p4ss%40w0rd",
        "p4ss@w0rd",
    }


def test_everyday_words_are_not_hidden_from_output() -> None:
    assert list(secret_texts("LIVEKIT_API_SECRET", "secret")) == []
    assert list(secret_texts("DATABASE_URL", "postgres://postgres:postgres@localhost/db")) == []


def test_a_secret_is_hidden_whole() -> None:
    assert list(secret_texts("JWT_SECRET", "aVeryLongRandom1")) == ["aVeryLongRandom1"]
    assert list(secret_texts("PORT", "3000")) == []


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("DefaultEndpointsProtocol=https;AccountName=a;AccountKey=q0w9e8==;EndpointSuffix=x", "q0w9e8=="),
        ("Server=localhost;User Id=sa; Password=Tr0ub4dor;", "Tr0ub4dor"),
        ("Endpoint=sb://x.example/;SharedAccessKeyName=Root;SharedAccessKey=zz8y7x", "zz8y7x"),
    ],
)
def test_a_connection_string_is_a_secret_and_so_is_the_key_in_it(text: str, part: str) -> None:
    assert is_masked("STORAGE_CONNECTION_STRING", text)
    assert list(secret_texts("STORAGE_CONNECTION_STRING", text)) == [text, part]


def test_a_key_of_crosses_is_a_placeholder() -> None:
    assert is_placeholder("APIxxxxx")


KNOWN = [re.compile(secrets._SECRET_TEXT.pattern, re.VERBOSE), re.compile(exposure._LIVE.pattern)]


@given(st.one_of(map(st.from_regex, KNOWN)), st.sampled_from(["", "'", '"']))
def test_a_file_with_a_secret_text_may_hold_a_secret(text: str, quote: str) -> None:
    line = f"A=1\nNAME={quote}{text}\nB=2\n"
    assert not (is_secret_text(text) or exposure.looks_real("NAME", text)) or may_hold_secret(line)


@given(st.from_regex(r"[A-Za-z_]{0,8}", fullmatch=True), st.sampled_from(SECRET_WORDS), st.booleans())
def test_a_file_with_a_secrets_name_may_hold_a_secret(before: str, word: str, small: bool) -> None:
    name = before + (word.lower() if small else word)
    assert not is_secret_name(name) or may_hold_secret(f"{name}=1\n")


@pytest.mark.parametrize(
    "name", ["jwtSecret", "API_KEY_2", "DB_PASS", "authToken1", "MY_APIKEY", "SESSION_SALT"]
)
def test_the_name_of_a_secret_holds_one_of_the_words_that_decide(name: str) -> None:
    assert is_secret_name(name)
    assert any(word in name.upper() for word in SECRET_WORDS)


def test_plain_settings_hold_no_secret() -> None:
    assert not may_hold_secret("PORT=3000\nHOST=localhost\nURL=ws://localhost:3001/task_list\n")
