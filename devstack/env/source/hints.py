"""Whether it may pay to parse a source file: judged by words in its bytes, before any grammar is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devstack.patterns import regex
from devstack.records import dataclass

if TYPE_CHECKING:
    import re


@dataclass(frozen=True, slots=True)
class Hints:
    """Where neither a word nor the pattern is found nothing is read; the words are only faster to look for."""

    words: tuple[bytes, ...]
    pattern: re.Pattern[bytes]

    def found_in(self, source: bytes) -> bool:
        """Whether something may be read."""
        return any(word in source for word in self.words) and bool(self.pattern.search(source))


PYTHON = Hints(
    (b"env", b"Env", b"Settings", b"decouple", b"starlette.config"),
    regex(rb"environ|getenv|[eE]nv\w{0,60}\s{0,9}[.(]|dotenv|Settings|decouple|starlette\.config"),
)
SCRIPT = Hints(
    (b"env", b"Env", b"onfig", b"validationSchema"),
    regex(
        rb"\benv\b|[eE]nv\w{0,60}\s{0,9}[(<]|[cC]onfig\w*\s*\.\s*get|dotenv|loadEnvFile|ConfigModule\b"
        rb"|[eE]nv\w{0,60}\s{0,9}=\s*(?:z|v|Joi|joi|yup)\b|validationSchema"
    ),
)
URL = regex(rb"""["'`]((?:wss?|https?)://)""")
