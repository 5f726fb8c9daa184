"""Addresses of this machine inside any text: found and moved to other ports. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from devstack.records import dataclass

# `localhost:3001` inside a URL, a list of origins, a host:port pair; the colon may be URL-encoded.
_LOCAL = r"(?:[\w-]+\.)*localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1?\]|host\.docker\.internal"
_BEGIN = r"(?:(?<![\w.-])|(?<=%[0-9a-f]{2}))"
_PORT_WORD = re.compile(r"(?:^|_)PORT(?:$|_|\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Moves:
    """Declared port → port used instead, and the further host names that mean this machine."""

    ports: Mapping[int, int]
    aliases: tuple[str, ...] = ()

    def address(self, text: str) -> str:
        """`text` with the port of every local address moved; unchanged where none is meant."""
        hosts = "|".join([_LOCAL, *(re.escape(alias) for alias in self.aliases)])
        pattern = re.compile(rf"{_BEGIN}((?:{hosts})(?::|%3A))(\d{{1,5}})(?!\d)", re.IGNORECASE)
        return pattern.sub(lambda found: found[1] + self._moved(found[2]), text)

    def value(self, name: str, text: str) -> str:
        """The text of variable `name`: a bare port number counts when the name says that it is one."""
        if text.strip().isdecimal():
            return self._moved(text.strip()) if _PORT_WORD.search(name) else text
        return self.address(text)

    def command(self, text: str, own: Iterable[int]) -> str:
        """A command line with its own port moved wherever it stands for one, and addresses moved."""
        for port in own:
            if port in self.ports:
                text = re.sub(
                    rf"((?:^|[\s=:'\"]|\s-p))({port})(?![\d.\w])", rf"\g<1>{self.ports[port]}", text
                )
        return self.address(text)

    def _moved(self, number: str) -> str:
        return str(self.ports.get(int(number), number))
