"""Texts of up to a megabyte that are hard for parsers that go back, and for expanders that never end."""

from __future__ import annotations

import os

# A tenth of a megabyte: what does not grow in proportion shows here, too, and the suite stays quick.
SIZE = int(os.environ.get("HARD_SIZE", "100000"))


def _filled(part: str, start: str = "", end: str = "") -> str:
    return start + part * ((SIZE - len(start) - len(end)) // len(part)) + end


def _numbered(shape: str) -> str:
    """Lines of `shape` with a number that grows, up to the size."""
    lines, size, number = [], 0, 1
    while size < SIZE:
        line = shape.format(number, number - 1)
        lines.append(line)
        size += len(line)
        number += 1
    return "".join(lines)


HARD = {
    "newlines": _filled("\n"),
    "newlines before a comment": _filled("\n", end="#"),
    "spaces": _filled(" ", start="A="),
    "spaces without an end": _filled(" ", start="A", end="!"),
    "quotes": _filled("'", start="A="),
    "double quotes": _filled('"', start="A="),
    "escaped quotes": _filled("\\'", start="A='"),
    "escaped double quotes": _filled('\\"', start='A="', end="\n"),
    "lines that open a quote": _filled('A="\n'),
    "lines that open different quotes": _filled("A='\nB=\"\nC=`\n"),
    "line separators": _filled("\u2028'", start="A='x"),
    "backslashes": _filled("\\", start='A="'),
    "one long bare value": _filled("x", start="A="),
    "one long quoted value": _filled("x\n", start='A="', end='"'),
    "names without values": _filled("A\n"),
    "assignments": _filled("NAME=value\n"),
    "dollars": _filled("$", start="A="),
    "references": _filled("$B", start="A="),
    "references to something": _filled("$B", start="B=x\nA="),
    "references that double": "\n".join(f"A{n}=$A{n + 1}$A{n + 1}" for n in range(60)) + "\nA60=x\n",
    "braced references that double": "\n".join(f"A{n}=${{A{n + 1}}}${{A{n + 1}}}" for n in range(60))
    + "\nA60=x\n",
    "backward references that double": "A0=x\n"
    + "\n".join(f"A{n + 1}=${{A{n}}}${{A{n}}}" for n in range(60)),
    "a long chain": "\n".join(f"A{n}=$A{n + 1}" for n in range(SIZE // 50)),
    "a long braced chain": "\n".join(f"A{n}=${{A{n + 1}}}" for n in range(SIZE // 50)),
    "open braces": _filled("${", start="A="),
    "open defaults": _filled("${A:-", start="A="),
    "nested defaults": _filled("${A:-", start="A=", end="}" * (SIZE // 10)),
    "references without end": _filled("${A:", start="A="),
    "a cycle": "A=$B\nB=$C\nC=$A\n",
    "a growing cycle": "A=x$A$A\n",
    "a value that brings itself back": "P=x$&y\nA=${P}\n",
    "a value that brings all before it back": "P=$`\nA=xx${P}${P}\n",
    "many values with references": _filled("A=1\nB=${A}x$A\n"),
    "command substitutions": _filled("$(", start="A="),
    "keys": _filled("A", end="=x"),
    "colons": _filled("A:", end="\n"),
    "exports": _filled("export "),
    "hashes": _filled(" #", start="A=x"),
    "carriage returns": _filled("A=x\r"),
    "equal signs": _filled("="),
    "marks": _filled("\ufeff"),
    "different names": _numbered("N{0}=v{0}\n"),
    "different names without a value": _numbered("N{0}=\n"),
    "different names alone": _numbered("N{0}\n"),
    "different quoted values": _numbered('N{0}="v{0}"\n'),
    "different exported names": _numbered("export N{0}=v{0}\n"),
    "different names with spaces and comments": _numbered("N{0} = v{0} # c\n"),
    "different references": "A=1\n" + _numbered("N{0}=${{A}}{0}\n"),
    "references to the line above": "N0=1\n" + _numbered("N{0}=${{N{1}}}\n"),
    "closed defaults": _filled("${B:-x}", start="A="),
    "a name alone that exists, again and again": _filled("A\n", start="A=1\n"),
    "a reference in front of a name": "A=$AB\n" + _filled("$A", start="C="),
    "a reference that feeds itself": "A=$}$AB\nB=$A.B${A-d}$A\n",
    "comments behind values": _numbered("N{0}=v{0} # c\n"),
    "values of several lines": _numbered("N{0}='-----BEGIN\nabc\ndef{0}\n-----'\n"),
    "escaped spaces": _numbered("N{0}=a\\ {0}\n"),
    "escapes in quotes": _numbered('N{0}="a\\n{0}\\t"\n'),
    "one value of escapes": _filled("\\n\\t\\$", start='A="', end='"'),
    "defaults that hold others": _numbered("N{0}=${{A:-${{B:-x{0}}}}}\n"),
    "defaults that hold braces": _numbered('N{0}=${{A:-{{"a":{0}}}}}\n'),
    "many defaults that hold others": _filled("${X:-${B:-x}}", start="A="),
    "braces in a default": _filled("{}", start="A=${X:-", end="}"),
    "a default without an end": _filled("}", start="A=${X:-"),
    "references to many names": "A=" + "".join(f"${{N{number}}}" for number in range(SIZE // 9)) + "\n",
    "two references in quotes": _numbered('N{0}="${{A}}/$B{0}"\n'),
    "values that change": _filled("A=1\nB=$A$A\nA=2\nB=$A$A\n"),
    "values that grow": "X0=x\n" + _numbered("X{0}=${{X{1}}}xxxxxxxxxxxxxxxxxxxx\n"),
    "quoted pieces": _filled("'a'\"b\"", start="A="),
    "different quoted pieces": "A=" + "".join(f"'{number}'x" for number in range(SIZE // 9)) + "\n",
    "statements on one line": _filled("A=x; "),
    "two values on a line": _numbered("N{0}=1 M{0}=2\n"),
    "names exported again": _numbered("N{0}=1\nexport N{0}\n"),
    "names alone between values": _filled("A\nB=1\n"),
    "lines that a lexer drops": _numbered('export N{0}="x"\nA=1\n'),
    "carriage returns at line ends": _numbered("N{0}=v{0}\r\n"),
    "names in other alphabets": _numbered("\u00c4{0}=x\n"),
    "a command first": "cmd\n" + _numbered("N{0}=v{0}\n"),
    "a command last": _filled("A=1\n", end="cmd"),
    "an open quote last": _filled("A=1\n", end="B='"),
    "vertical tabs": _filled("A=x\v"),
    "a line that only line ends follow": _filled("\n", start="junk"),
    "text behind a closing quote": _filled('A="x"y\n'),
    "references of every kind": _numbered("N{0}=${{A}}\nM{0}=\\$x$A\nO{0}=a$ b\n"),
}
