"""Env files that look for trouble: quotes, `$`, `#`, escapes, line ends, invisible characters, several files.

Driven by a `random.Random`, so that a big run is one seed and hypothesis (`st.randoms()`) can shrink.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

NAMES = ("A", "B", "C", "AB", "A_B", "X1", "VITE_A", "NEXT_PUBLIC_B", "1", "10", "a", "A.B", "A-B", "_")
ODD_NAMES = ("", "A B", "'A'", '"A"', "Ä", "A[0]", "A+", "A$B", "export", "\ufeffA", "A\tB", "-", "7up")
WORDS = (
    "x", "value", "two words", "it's", "say \"hi\"", "p#w", "p #w", "#", "##", "a=b", "a:b", "://", "{", "}", "\\",
    "\\\\", "\\n", "\\r", "\\t", "\\$", "\\'", '\\"', "\\`", "$", "$$", "$&", "$`", "$'", "$1", "$A", "$B", "$AB", "$C",
    "${A}", "${B}", "${C}", "${UNSET}", "$UNSET", "${A:-d}", "${B:-$A}", "${UNSET:-${B:-e}}", "${A-d}", "${UNSET-d}",
    "${A:+alt}", "${UNSET+alt}", "${A+alt}", "${}", "${ A }", "${A", "$A}", "${A:-}", "${A:?e}", "${1}", "$X1y",
    "${A.B}", "$A.B", "$A-B", "${A:-a}b}", "${null}", "${Xnull}", "(", ")", "é", "日本", "🔑", "\u00a0", "\u2028",
    "\u200b", "\ufeff", "\x85", "\x1f", "\t", " ", "'", '"', "`", "''", '""', "encrypted:x",
)  # fmt: skip
SPACES = ("", "", "", "", " ", "  ", "\t", "\u00a0", " \t ")
LINE_ENDS = ("\n", "\n", "\n", "\n", "\r\n", "\r", "\n\n", "\u2028", "\v", "")
JUNK = (
    "# comment",
    "#",
    "junk",
    "A",
    "export A",
    "// note",
    "---",
    "=x",
    "=",
    "<<<<<<< HEAD",
    ": x",
    "'",
    '"',
    "A B=1",
)
# What a shell reads without executing anything, and what stops it.
SCRIPT_WORDS = (
    "x", "value", "a=b", "#", "##", "=", ":", "%", "@", "!", "{", "}", "{a,b}", "[x]", "*", "?", "^", "-", "+", ",",
    ".", "/", "é", "日本", "\u00a0", "\u2028", "\x85", "\ufeff", "\r", "\v", "\f", "''", '""', "''" + "''", "'q w'",
    "'a''b'", "'\n'", "'#'", "'$A'", "'\\'", '"d $A"', '"a""$B"', '"a\\"b"', '"\\$A"', '"\\\\"', '"\\`"', '"\\n"',
    '"a\\\nb"', '"\n"', '"$"', '"$\'"', '"x$&y"', '"${A:-a b}"', '"${B+\n}"', '"#"', '"é"', "$A", "$B", "$C", "$AB",
    "${A}", "${B}", "${C}", "${UNSET}", "$UNSET", "${A:-d}", "${UNSET:-d e}", "${A-d}", "${UNSET-}", "${A:+alt}",
    "${B+a;b}", "${UNSET+alt}", "$.", "$,", "$/", "$%", "\\'", '\\"', "\\\\", "\\$", "\\ ", "\\#", "\\x", "\\\n", "\\;",
    "\\é",
)  # fmt: skip
SCRIPT_STOPS = ("'open", '"open', ";", "; B=2", "\\", "~", "$1", "(", "`", "&", '"$(', '"`x`"', "$'x'")
SCRIPT_NAMES = ("A", "B", "C", "AB", "_a", "A1")
SCRIPT_LINES = (
    "# it's", "set -a", "set -o allexport", "set +a", "export A", "export A B", "export A=1 B=$A C", "A=1 B=$A",
    "A=1;B=$A;", ";", "", " ", "\\", "A=1 \\\nB=2", "export UNSET", "export C; C=3", "A=$A$A",
)  # fmt: skip
# What compose makes templates of.
TEMPLATE_NAMES = ("A", "B", "C", "AB", "_a", "A1", "\u017f", "UNSET")
TEMPLATE_WORDS = (
    "x", "value", " ", " #", "#", "{", "}", "{}", "{{", '{"a":1}', "$", "$$", "$$A", "$A", "$B", "$AB", "${A}", "${B}",
    "${UNSET}", "$UNSET", "$\u017f", "$\u212a", "$1", "${1}", "$.", "${", "\n", "\\n", "\\t", "\\$", "\\$A", "\\\\",
    "\\", "\\c", "\\0", "\\0101", "\\044A", "\\0044", "\\0134n", "\\0400", "\\09", "\\'", '\\"', "\\x", "-", ":-", "+",
    "?", "=", ":", "é", "\u00a0", "\x85", "\u2003", "\r", "\v", "\ufeff",
)  # fmt: skip
TEMPLATE_LINES = (
    "A", "export A", "export\tB", "export", "export ", "A B", "B\t", "# it's", "UNSET", "export=x", "export =x", "Ä=x",
    "²=x", "A[0]=1", "-=x", "A\tB=x", "=x", ":", "A=$B\nB=$A\nA", "\u00bd", "A\u0301=1", "_", "A.B=1\nC=${A.B}",
)  # fmt: skip
PLAIN_NAMES = ("A", "B", "AB", "export", "VITE_A", "_")
PLAIN = (
    "x",
    "a=b",
    "ws://h:1/?a=b",
    "==x",
    "x=",
    "{",
    "~",
    "%41",
    "encrypted:x",
    ":-d}",
    "x\ty",
    "x ",
    "x#y",
)
_ASSIGNED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?=[ \t]*[=:])")
_REFERRED = re.compile(r"(?<=\$)\{?[A-Za-z_][A-Za-z0-9_]*")
# So much that is lost or odd to most programs that our parsers report nothing of what follows.
SO_MANY_LOST = "J\nZ=1\n" * 200
FILES = (".env", ".env.local", ".env.development", ".env.development.local")
EXPORTED = ("", "x", "pa$word", "pa\\$word", "$A", "${B}", "$&", "value", "$C")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Files, exported variables and mode of one run; `listed` = the program is told to read them in that order."""

    files: dict[str, str]
    process: dict[str, str] = field(default_factory=dict)
    mode: str = "development"
    listed: bool = False


def case(random: Random, *, several_files: bool, listed: bool, text: Callable[[Random], str]) -> Case:
    """One case; `several_files` for programs that read more than `.env`, `text` writes one of them."""
    names = [".env"]
    if several_files and random.randrange(3) == 0:
        names = random.sample(FILES, random.randint(1, len(FILES)))
    process = {}
    if random.randrange(3) == 0:
        process = {random.choice(NAMES[:6]): random.choice(EXPORTED) for _ in range(random.randint(1, 2))}
    files = {name: text(random) for name in names}
    if random.randrange(6) == 0:
        files = {name: _with_more(random, written) for name, written in files.items()}
    return Case(files=files, process=process, listed=listed)


def _with_more(random: Random, text: str) -> str:
    """The text with some of its lines over and over: our parsers take many that look alike in one step.

    The copies have names of their own, so that no value multiplies itself from line to line.
    """
    lines = text.splitlines(keepends=True)
    start = random.randint(0, len(lines))
    part = lines[start : start + random.randint(1, 3)]
    is_chain = random.randrange(2) == 0 and "".join(part).count("$") == 1
    copies: list[str] = []
    for number in range(1, random.randint(8, 20)):
        for line in part:
            made = _ASSIGNED.sub(rf"\g<0>{number}", line, count=1)
            copies.append(_REFERRED.sub(rf"\g<0>{number - 1}", made) if is_chain else made)
    return "".join([*lines[:start], *copies, *lines[start:]])


def script(random: Random) -> str:
    """One file for a shell."""
    if random.randrange(8) == 0:
        return env_file(random)
    lines = [_script_line(random) for _ in range(random.randint(0, 6))]
    if random.randrange(6) == 0:
        lines.insert(random.randint(0, len(lines)), plain_lines(random))
    return "".join(lines)[: random.choice((-1, None, None, None))]


def _script_line(random: Random) -> str:
    end = random.choice(
        ("\n", "\n", "\n", " # c\n", "\t#'\n", " \n", "; ", ";\n", "\n\n", "\n# A=1\n", "\\\n\n")
    )
    if random.randrange(6) == 0:
        return random.choice(SCRIPT_LINES) + end
    words = [random.choice(SCRIPT_WORDS) for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 5)))]
    if random.randrange(30) == 0:
        words.append(random.choice(SCRIPT_STOPS))
    lead = random.choice(("", "", "", "export ", "export\t", "  ", "\t"))
    return f"{lead}{random.choice(SCRIPT_NAMES)}={''.join(words)}{end}"


def template_file(random: Random) -> str:
    """One file with compose's templates in it."""
    if random.randrange(5) == 0:
        return env_file(random)
    lines = [_template_line(random) for _ in range(random.randint(0, 6))]
    if random.randrange(6) == 0:
        lines.insert(random.randint(0, len(lines)), plain_lines(random))
    return "".join(lines)[: random.choice((-1, None, None, None))]


def _template_line(random: Random) -> str:
    end = random.choice(("\n", "\n", "\n", " # c\n", "\t#'\n", " \n", "\r\n", "\n\n", "\n# A=1\n", "", " "))
    if random.randrange(8) == 0:
        return random.choice(TEMPLATE_LINES) + end
    value = "".join(_template(random, 3) for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 5))))
    quote = random.choice(("", "", "", '"', '"', "'"))
    lead = random.choice(
        ("", "", "", "export ", "export\t ", "  ", "\u2003", "\ufeff" * (random.randrange(9) == 0))
    )
    separator = random.choice(("=", "=", "=", ":", " = ", ": "))
    return f"{lead}{random.choice(TEMPLATE_NAMES)}{separator}{quote}{value}{quote}{end}"


def _template(random: Random, depth: int) -> str:
    """A word, or a reference with others in it."""
    if depth == 0 or random.randrange(3):
        return random.choice(TEMPLATE_WORDS)
    inner = "".join(_template(random, depth - 1) for _ in range(random.randint(0, 2)))
    operator = random.choice((":-", "-", ":+", "+", ":-", "-", ":+", "+", ":?", "?", ":", ""))
    return (
        "${" + random.choice(TEMPLATE_NAMES) + operator + inner + random.choice(("}", "}", "}", "}", "}", ""))
    )


def env_file(random: Random) -> str:
    """One file."""
    start = "\ufeff" if random.randrange(20) == 0 else ""
    if random.randrange(25) == 0:
        start += SO_MANY_LOST
    lines = [statement(random) + random.choice(LINE_ENDS) for _ in range(random.randint(0, 5))]
    if random.randrange(10) == 0:  # our parsers take many plain lines in one step
        lines.insert(random.randint(0, len(lines)), plain_lines(random))
    return start + "".join(lines)


def plain_lines(random: Random) -> str:
    """Usual lines, so many that they are read as one block."""
    lines = [f"{random.choice(PLAIN_NAMES)}={random.choice(PLAIN)}\n" for _ in range(random.randint(8, 12))]
    return "".join(lines)


def statement(random: Random) -> str:
    """One line, or a few where a quoted value holds line ends."""
    if random.randrange(8) == 0:
        return random.choice(SPACES) + random.choice(JUNK)
    export = random.choice(("", "", "", "", "", "export ", "export  ", "export\t"))
    name = random.choice(ODD_NAMES) if random.randrange(12) == 0 else random.choice(NAMES)
    separator = random.choice(
        ("=", "=", "=", "=", "=", "=", " = ", "= ", " =", ": ", ":", " : ", "=\t", "==")
    )
    comment = random.choice(("", "", "", "", " # note", "#note", ' # it\'s "one"', "\t#t", " tail"))
    return (
        random.choice(SPACES) + export + name + separator + _value(random) + random.choice(SPACES) + comment
    )


def _value(random: Random) -> str:
    inner = "".join(random.choice(WORDS) for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 4))))
    kind = random.randrange(10)
    if kind < 5:
        return inner
    quote = random.choice(("'", '"', '"', "`"))
    if random.randrange(4) == 0:
        inner += random.choice(("\n", "\r\n", "\r", "\n# x\n", "\nB=2\n")) + random.choice(WORDS)
    if kind == 9:
        return quote + inner  # never closed
    return quote + inner + quote
