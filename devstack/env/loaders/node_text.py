"""`util.parseEnv` and `node --env-file`: one grammar of Node 20, another from Node 22 on."""

from __future__ import annotations

from devstack.env.loaders.definitions import Definition, Note, Parsed

_QUOTES = "'\"`"


def parse20(text: str) -> Parsed:
    """Node 20: only spaces are trimmed, and a line without `=` becomes part of the next key."""
    return _parse(text, modern=False)


def parse22(text: str) -> Parsed:
    """Node 22 and 24."""
    return _parse(text, modern=True)


def _parse(text: str, *, modern: bool) -> Parsed:
    text = text.replace("\r", "").strip(" ")
    definitions: list[Definition] = []
    notes: list[Note] = []
    position = counted = 0
    line = 1
    while position < len(text):
        if text[position] in "\n#":
            newline = text.find("\n", position)
            if newline >= 0:
                position = newline + 1
                continue
        equal = text.find("=", position)
        if equal < 0:
            break
        name = text[position:equal].strip(" ")
        if not name:
            break
        line += text.count("\n", counted, equal)
        counted = equal
        name = name.removeprefix("export ")
        value, raw, position = _value(text, equal + 1)
        definitions.append(Definition(name, value, raw, line))
    return Parsed(definitions=definitions, notes=notes)


def _value(text: str, start: int) -> tuple[str, str, int]:
    """The value, its raw text and where parsing goes on."""
    while text.startswith(" ", start):
        start += 1
    quote = text[start : start + 1]
    if quote and quote in _QUOTES:
        closing = text.find(quote, start + 1)
        if closing >= 0:
            value = text[start + 1 : closing]
            if quote == '"':
                value = value.replace("\\n", "\n")
            newline = text.find("\n", closing + 1)
            return value, text[start : closing + 1], newline if newline >= 0 else len(text)
    newline = text.find("\n", start)
    end = newline if newline >= 0 else len(text)
    raw = text[start:end]
    if not (quote and quote in _QUOTES):
        raw = raw.split("#", 1)[0]
    return raw.strip(" "), raw.strip(" "), end
