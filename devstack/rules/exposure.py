"""Which variables hold real secrets, and which public ones are secrets. Shared by the rules about exposure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from devstack.contract import urls
from devstack.contract.proxies import runs_on_server_too
from devstack.env.secrets import (
    is_publishable,
    is_secret_name,
    is_secret_reference,
    is_secret_text,
    placeholder,
)
from devstack.patterns import regex
from devstack.stack.model import Reference, Service, ServiceType, Stack

if TYPE_CHECKING:
    from devstack.env.source.model import SourceRead
    from devstack.rules.inspection import Inspection

# Words after which a name is a secret whoever issued it; a bare `…_KEY` or `…_TOKEN` in a page is often meant for it.
_SURE = regex(
    r"(?:^|_)(?:SECRET|SECRETS|PASSWORD|PASSWD|PASSPHRASE|PRIVATE|SERVICE_ROLE|SERVER_ROLE|SERVICE_KEY|SIGNING|WEBHOOK|JWT"
    r"|SESSION|ENCRYPTION|MASTER|ADMIN|BOT_TOKEN|REFRESH_TOKEN|DB|DATABASE|CREDENTIALS?)(?:_|$)"
)
# Keys of services that bill whoever holds them and are never made for browsers.
_PROVIDERS = regex(
    r"(?:^|_)(?:OPENAI|ANTHROPIC|CLAUDE|GROQ|DEEPGRAM|ELEVENLABS|ELEVEN_LABS|ELEVEN|CARTESIA|ASSEMBLYAI|MISTRAL|COHERE"
    r"|REPLICATE|HUGGINGFACE|HF|OPENROUTER|PERPLEXITY|TOGETHER|FIREWORKS|CEREBRAS|DEEPSEEK|XAI|GEMINI|SENDGRID|RESEND"
    r"|TWILIO|POSTMARK|MAILGUN|PINECONE|TAVILY|SERPER|LIVEKIT|SLACK|DISCORD|GITHUB|NOTION|AIRTABLE)_"
    r"(?:\w+_)?(?:API_?KEY|KEY|TOKEN)$"
)


def is_exposed_secret(name: str, text: str = "") -> bool:
    """Whether a variable of this public name and text must never reach a browser."""
    if is_publishable(name, text):
        return False
    if text and (is_secret_text(text) or _has_password(text) or "PRIVATE KEY-----" in text):
        return True
    upper = name.upper()
    if not is_secret_name(name) or upper.endswith("LIVEKIT_API_KEY"):
        return False
    return bool(_SURE.search(upper) or _PROVIDERS.search(upper))


def _has_password(text: str) -> bool:
    """A URL with somebody's password; defaults of local containers protect nothing."""
    password = urls.parse(text).password if "@" in text and urls.has_scheme(text) else None
    return bool(password) and placeholder(password or "") is None


def shared_secrets(stack: Stack) -> frozenset[tuple[str, str]]:
    """(service, name) of every variable that stack.toml declares to hold a shared secret."""
    return frozenset(
        (member.service, name)
        for shared in stack.shared.values()
        if shared.secret
        for member in shared.members
        if isinstance(member, Reference) and member.part is None
        for name in member.names
    )


_CLIENT = regex(r"\A\ufeff?(?:\s|//[^\n]*(?:\n|\Z)|/\*.*?\*/)*['\"]use client['\"]", re.DOTALL)


def is_surely_client(inspection: Inspection, service: Service, read: SourceRead) -> bool:
    """Whether the module runs in the browser only: a Vite source, or one that says `'use client'` itself.

    Next ships shared modules as well, but what they read without a public prefix is meant for the server; so are
    reads of `process.env` where a framework on Vite has a server of its own.
    """
    if service.type is not ServiceType.NEXT:
        return read.form != "process.env" or not inspection.once(is_isomorphic, service.name)
    return inspection.once(_says_use_client, read.path)


def is_isomorphic(inspection: Inspection, service: str) -> bool:
    """Whether a framework on Vite runs the service's modules in a server of its own, too; for `once`."""
    return runs_on_server_too(inspection.contract, inspection.need_stack().services[service])


def _says_use_client(inspection: Inspection, path: str) -> bool:
    return _CLIENT.match(inspection.read_text(inspection.root / path) or "") is not None


_RUN = regex(r"[A-Za-z0-9]{16,}")
_LIVE = regex(r"(?:sk_live_|rk_live_|sk-proj-|sk-ant-|ghp_|gho_|github_pat_|glpat-|AKIA|xoxb-|xoxp-)\S")
_DEMONSTRATIONS = ("6LeIxAcT", "AKIAIOSFODNN7")  # keys that their issuers print in their documentation


def looks_real(name: str, text: str) -> bool:
    """Whether a text under a secret's name is certainly a real secret: random, or of a known provider's kind."""
    is_named, is_known = is_secret_name(name), is_secret_text(text) or (_LIVE.match(text) and len(text) >= 12)
    if not is_named and not is_known:
        return False
    if not text or is_secret_reference(text) or placeholder(text, name) is not None:
        return False
    if text.startswith(_DEMONSTRATIONS) or "EXAMPLE" in text.upper() or _is_demo_token(text):
        return False
    if is_publishable(name, text):
        return False
    if is_known:
        return True
    if "://" in text or re.search(r"\s", text):
        return False
    for run in _RUN.findall(text):
        digits = sum(char.isdigit() for char in run)
        if digits >= 3 and digits < len(run) and len(set(run)) >= 9:
            return True
    return False


def _is_demo_token(text: str) -> bool:
    """The keys that `supabase start` prints on every machine."""
    import base64

    body = text.split(".")[1:2]
    try:
        return b"supabase-demo" in base64.urlsafe_b64decode(body[0] + "==") if body else False
    except ValueError:
        return False
