"""Why a service died, in one line, from its last lines and how it ended. Pure; knows the usual causes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from devstack.patterns import regex
from devstack.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """A known cause.

    Attributes:
        cause: one line: what happened and what to do.
        port: the port that was taken, where that is the cause.
        hopeless: starting it again cannot help until a person changes something.
    """

    cause: str
    port: int | None = None
    hopeless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is known of who died.

    Attributes:
        port: its own; used where the lines name none.
        manager: the package manager of its folder, None where no package.json is.
    """

    service: str = ""
    port: int | None = None
    manager: str | None = None

    @property
    def environment_command(self) -> str:
        """What shows the variables that it is given."""
        return f"devstack env {self.service}".rstrip()


@dataclass(frozen=True, slots=True)
class _Pattern:
    """What a line looks like, and what it means."""

    text: re.Pattern[str]
    means: Callable[[re.Match[str], Subject], Diagnosis]


def diagnose(
    tail: Sequence[str], *, code: int | None = None, signal: str | None = None, of: Subject | None = None
) -> Diagnosis | None:
    """The cause, or None when it is not known."""
    if signal == "KILL":
        return Diagnosis(cause="somebody killed it, or the kernel did because memory ran out (OOM)")
    text, subject = "\n".join(_ESCAPES.sub("", line) for line in tail), of or Subject()
    if _IN_USE.search(text):
        return _in_use(text, subject.port)
    for pattern in _PATTERNS:
        found = pattern.text.search(text)
        if found is not None:
            return pattern.means(found, subject)
    return _by_ending(code, signal)


def _in_use(text: str, port: int | None) -> Diagnosis:
    named = [int(number) for one in _PORTS for number in one.findall(text) if 0 < int(number) < 65536]
    taken = named[-1] if named else port
    what = f"port {taken} is already in use" if taken else "its port is already in use"
    return Diagnosis(cause=what, port=taken)


def _by_ending(code: int | None, signal: str | None) -> Diagnosis | None:
    if signal in ("SEGV", "BUS", "ILL"):
        return Diagnosis(cause="it crashed inside native code")
    if signal == "ABRT":
        return Diagnosis(cause="it aborted itself")
    if code == 127:
        return Diagnosis(cause="a command was not found (the shell's exit code 127)", hopeless=True)
    if code == 126:
        return Diagnosis(cause="a command may not be executed (the shell's exit code 126)", hopeless=True)
    if code == 137:
        return Diagnosis(cause="a child was killed by KILL, perhaps because memory ran out (OOM)")
    return None


_ESCAPES = regex(r"\x1b\[[0-9;?]*[A-Za-z]")
_IN_USE = regex(r"EADDRINUSE|[Aa]ddress already in use|[Pp]ort \d+ is (?:already )?in use|WSAEADDRINUSE")
_PORTS = (
    regex(r"EADDRINUSE[^\n]*:(\d{2,5})\s*$", re.M),
    regex(r"\bport:\s*(\d{2,5})\b"),
    regex(r"[Pp]ort (\d{2,5}) is (?:already )?in use"),
    regex(r"\('[^'\n]*', (\d{2,5})[,)][^\n]*\baddress already in use"),
    regex(r"(?:[\d.]+|localhost|\]):(\d{2,5})\b[^\n]*address already in use"),
)


def _fixed(cause: str) -> Callable[[re.Match[str], Subject], Diagnosis]:
    return lambda found, of: Diagnosis(cause=found.expand(cause), hopeless=True)


def _soft(cause: str) -> Callable[[re.Match[str], Subject], Diagnosis]:
    return lambda found, of: Diagnosis(cause=found.expand(cause))


def _variable(cause: str) -> Callable[[re.Match[str], Subject], Diagnosis]:
    """Its process lacks a variable; whether a file has it, and whether the program reads that file, is not known."""

    def means(found: re.Match[str], of: Subject) -> Diagnosis:
        advice = (
            f"`{of.environment_command}` shows which files should give it, and whether the program loads them"
        )
        return Diagnosis(cause=f"{found.expand(cause)} in its process: {advice}", hopeless=True)

    return means


def _node_module(found: re.Match[str], of: Subject) -> Diagnosis:
    name = found.group(1)
    if name.startswith((".", "/", "file:")):
        return Diagnosis(cause=f"the file {name} that it imports does not exist", hopeless=True)
    install = f"{of.manager or 'npm'} install"
    return Diagnosis(cause=f"the npm package {name} is not installed ({install})", hopeless=True)


def _program(found: re.Match[str], of: Subject) -> Diagnosis:
    cause = f"the program {found.group(1)} is not installed"
    if of.manager is not None:
        cause += f" (or node_modules is missing: {of.manager} install)"
    return Diagnosis(cause=cause, hopeless=True)


def _python_module(found: re.Match[str], of: Subject) -> Diagnosis:
    name = found.group(1)
    return Diagnosis(
        cause=f"the Python module {name} is not installed in the environment it runs with", hopeless=True
    )


def _unanswered(found: re.Match[str], of: Subject) -> Diagnosis:
    return Diagnosis(cause=f"nothing answered on port {found.group(1) or found.group(2)} that it needs")


_PATTERNS = (
    _Pattern(regex(r"(?:Cannot find (?:module|package)) '([^']+)'"), _node_module),
    _Pattern(regex(r"ModuleNotFoundError: No module named '([^']+)'"), _python_module),
    _Pattern(regex(r"No module named ([\w.]+)\s*$", re.M), _python_module),
    _Pattern(regex(r"can't open file '([^']+)': \[Errno 2\]"), _fixed(r"the script \1 does not exist")),
    _Pattern(
        regex(r"npm (?:ERR!|error) Missing script: \"?([\w:.-]+)\"?"),
        _fixed(r"package.json has no script `\1`"),
    ),
    _Pattern(
        regex(r"(?:ENOENT|enoent)[^\n]*package\.json"),
        _fixed("there is no package.json in its folder"),
    ),
    _Pattern(
        regex(r"(?:^|\n)[^\n]*?(?:sh|bash|env)(?:: line \d+| ?: \d+)?: ([^\s:]+): (?:command )?not found"),
        _program,
    ),
    _Pattern(
        regex(r"(?:env: )['‘]?([^'’\s:]+)['’]?: No such file or directory"),
        _fixed(r"the program \1 is not installed"),
    ),
    _Pattern(regex(r"spawn ([^\s]+) ENOENT"), _fixed(r"the program \1 is not installed")),
    _Pattern(
        regex(r"JavaScript heap out of memory"),
        _soft("Node ran out of memory (raise it with NODE_OPTIONS=--max-old-space-size=4096)"),
    ),
    _Pattern(regex(r"MemoryError\b|Cannot allocate memory|ENOMEM"), _soft("it ran out of memory")),
    _Pattern(
        regex(
            r"(?:[Rr]equires|required|Please use|You are using) Node(?:\.js)?(?: version)? ?([^\n]{1,120})"
        ),
        _fixed(r"the installed Node has the wrong version: \g<0>"),
    ),
    _Pattern(
        regex(r"(?:EBADENGINE|Unsupported engine|The engine \"node\" is incompatible)"),
        _fixed("the installed Node has the wrong version for this package"),
    ),
    _Pattern(
        regex(
            r"requires? (?:a different )?Python[^\n]{0,60}|Python 3\.\d+ or (?:newer|later|higher) is required"
        ),
        _fixed(r"the installed Python has the wrong version: \g<0>"),
    ),
    _Pattern(regex(r"SyntaxError: ([^\n]{1,80})"), _fixed(r"syntax error in its source: \1")),
    _Pattern(
        regex(r"(?:address|listen|bind)[^\n]*EACCES|EACCES[^\n]*(?:address|listen)|\[Errno 13\][^\n]*bind"),
        _fixed("it may not bind its port (ports below 1024 need privileges)"),
    ),
    _Pattern(
        regex(r"(?:EACCES|PermissionError|Permission denied)[^\n]*?['\"]([^'\"\n]+)['\"]"),
        _fixed(r"permission denied: \1"),
    ),
    _Pattern(
        regex(r"(?:sh|bash|env|exec)(?:: line \d+| ?: \d+)?: ([^\s:]+): Permission denied"),
        _fixed(r"\1 may not be executed (chmod +x)"),
    ),
    _Pattern(regex(r"EACCES|Permission denied"), _fixed("permission denied")),
    _Pattern(regex(r"EMFILE|Too many open files"), _soft("too many open files (ulimit -n 4096)")),
    _Pattern(
        regex(r"ENOSPC[^\n]*watch|file watchers reached"),
        _soft("the system's limit of file watchers is reached"),
    ),
    _Pattern(regex(r"ENOSPC|No space left on device"), _soft("the disk is full")),
    _Pattern(
        regex(
            r"\b(\w*(?:JWT|AUTH)_?SECRET)\b[^\n]{0,40}(?:missing|not set|required|must be set|undefined|is empty)"
        ),
        _variable(r"the variable \1 is missing or empty"),
    ),
    _Pattern(
        regex(
            r"secretOrPrivateKey must have a value|secret or public key must be provided|"
            r"MissingSecret|NO_SECRET|HMAC key must not be empty"
        ),
        _variable("the variable with its JWT secret is missing or empty"),
    ),
    _Pattern(
        regex(
            r"JsonWebTokenError: invalid signature|JWSSignatureVerificationFailed|"
            r"InvalidSignatureError|Signature verification failed"
        ),
        _soft("a token was signed with another secret than its own: `devstack doctor` compares them"),
    ),
    _Pattern(
        regex(r"KeyError: 'PORT'"),
        _fixed('the variable PORT is not set: `port_env = "PORT"` in stack.toml gives it the port'),
    ),
    _Pattern(
        regex(r"KeyError: '([A-Z][A-Z0-9_]{2,})'"),
        _variable(r"the variable \1 is not set"),
    ),
    _Pattern(
        regex(r"Error loading ASGI app\. ([^\n]{1,120})"),
        _fixed(r"the server cannot load the application: \1"),
    ),
    _Pattern(
        regex(
            r"(?:FileNotFoundError: \[Errno 2\]|ENOENT:) [Nn]o such file or directory[^'\n]{0,20}'([^'\n]+)'"
        ),
        _fixed(r"the file \1 does not exist"),
    ),
    _Pattern(
        regex(r"ECONNREFUSED[^\n]*?:(\d{2,5})|[Cc]onnection refused[^\n]*?:(\d{2,5})"),
        _unanswered,
    ),
    _Pattern(
        regex(r"ECONNREFUSED|ConnectionRefusedError|[Cc]onnection refused"),
        _soft("a server that it needs refused the connection"),
    ),
)
