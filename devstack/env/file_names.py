"""What the name of a file says: whether it holds environment variables, whether it is meant to be copied."""

from __future__ import annotations

import re
from functools import lru_cache

_EXAMPLE_WORDS = frozenset(("example", "sample", "template", "dist", "default", "defaults", "tmpl", "tpl"))

_MODES = frozenset(("local", "development", "dev", "production", "prod", "staging", "test", "docker"))


@lru_cache(maxsize=1024)  # few names, asked for very often
def is_example(name: str) -> bool:
    """Whether a file name says that it is meant to be copied: `.env.example`, `template.env`."""
    return bool(_EXAMPLE_WORDS.intersection(re.split(r"[.\-_]", name.lower())))


def is_env_name(name: str) -> bool:
    """Whether a file name says that it holds environment variables."""
    if name.startswith("env."):  # `env.example`, but not `env.py` or `env.mjs`
        return is_example(name) or name.removeprefix("env.") in _MODES
    return name == ".env" or name.startswith(".env.") or name.endswith(".env")


def without_example_words(name: str) -> str:
    """The name of the file that an example stands for: `.env.local.example` → `.env.local`."""
    words = [word for word in name.split(".") if word and not is_example(word)]
    return f".{'.'.join(words)}"
