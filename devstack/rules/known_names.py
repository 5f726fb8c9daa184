"""Variables that platforms, runtimes and SDKs read by themselves: neither undeclared nor unused."""

from __future__ import annotations

import re

from devstack.patterns import regex

_PLATFORM = regex(
    r"""(?: NODE_ENV | NODE_OPTIONS | NODE_EXTRA_CA_CERTS | CI | HOME | PATH | USER | USERNAME | SHELL | PWD | TERM | TZ
    | LANG | LC_\w+ | TMPDIR | TEMP | TMP | HOSTNAME | HOST | PORT | DEBUG | LOG_LEVEL | COLUMNS | EDITOR | DISPLAY
    | NO_COLOR | FORCE_COLOR | COLORTERM | (?:HTTPS?|ALL|NO)_PROXY | https?_proxy | no_proxy | APPDATA | LOCALAPPDATA
    | PROGRAMFILES | SYSTEMROOT | WINDIR | XDG_\w+ | SSH_\w+ | GIT_\w+ | GITHUB_\w+ | GITLAB_\w+
    | CIRCLE\w* | TRAVIS\w*
    | VERCEL | VERCEL_\w+ | NEXT_RUNTIME | NEXT_PHASE | NEXT_TELEMETRY_DISABLED | NETLIFY\w* | CF_PAGES\w* | RAILWAY_\w+
    | RENDER | RENDER_\w+ | FLY_\w+ | HEROKU_\w+ | DYNO | K_SERVICE | K_REVISION | KUBERNETES_\w+ | ECS_\w+
    | npm_\w+ | INIT_CWD | TURBO_\w+ | VITEST\w* | JEST_\w+ | PLAYWRIGHT_\w+ | PYTEST_\w+ | ANALYZE | BUILD_ID
    | PYTHON\w+ | VIRTUAL_ENV | CONDA_\w+ | PIP_\w+ | UV_\w+ | DEVSTACK_\w+ | DEV | PROD | MODE | SSR | BASE_URL )""",
    re.VERBOSE,
)
_SDK = regex(
    r"""(?: AWS | AZURE | GOOGLE | GCP | GCLOUD | OPENAI | ANTHROPIC | LIVEKIT | DEEPGRAM | ELEVEN | ELEVENLABS
    | CARTESIA | ASSEMBLYAI | GROQ | MISTRAL | COHERE | GEMINI | TOGETHER | FIREWORKS | REPLICATE | HF | HUGGINGFACE
    | LANGCHAIN | LANGSMITH | LANGFUSE | SENTRY | OTEL | DD | DATADOG | NEW_RELIC | POSTHOG | AUTH | AUTH0 | NEXTAUTH
    | CLERK | STRIPE | SUPABASE | FIREBASE | TWILIO | RESEND | PRISMA | POSTGRES | PG\w* | MYSQL | MARIADB | REDIS
    | MONGO\w* | RABBITMQ | KAFKA | MINIO | COMPOSE | DOCKER | BUILDKIT | DJANGO | FLASK | UVICORN | GUNICORN
    | HYPERCORN
    | CELERY | RUST | CARGO | GO | JAVA | MAVEN | GRADLE | NPM | YARN | PNPM | NODE | NEXT | NUXT | CUDA | TORCH
    | TRANSFORMERS | TOKENIZERS | WANDB | NGROK | CLOUDFLARE | EXPO | SLACK | DISCORD )_\w+
    | DATABASE_URL | DIRECT_URL | SHADOW_DATABASE_URL | ELEVEN_API_KEY | BROWSER | BROWSER_ARGS""",
    re.VERBOSE,
)


def is_platform(name: str) -> bool:
    """Whether a platform, shell or runtime sets or defines this name."""
    return _PLATFORM.fullmatch(name) is not None


def is_read_by_library(name: str) -> bool:
    """Whether a library or tool may read this name without the source saying so."""
    return is_platform(name) or _SDK.fullmatch(name) is not None
