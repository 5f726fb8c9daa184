"""What a command line really runs: package.json scripts, page servers behind runners, port flags."""

from __future__ import annotations

import itertools
import re
from functools import lru_cache
from pathlib import Path

from devstack.records import dataclass
from devstack.stack import shell_words
from devstack.stack.model import ServiceType
from devstack.stack.package import MANAGERS, Package


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """The package.json script behind `npm run dev`; `line` is 1-based, `path` absolute."""

    name: str
    text: str
    path: Path
    line: int
    manager: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageServer:
    """A development server that takes its port as a flag.

    Attributes:
        program: its name in `node_modules/.bin`.
        subcommands: those that serve; "" where none is needed.
        others: those that do not; where none is needed, another word is the folder to serve.
        flags: spellings of the port flag, the first one is written.
        strict: a flag that forbids drifting to the next port, or "".
        default: how it is started when nothing else is known.
    """

    program: str
    subcommands: tuple[str, ...]
    others: tuple[str, ...] = ()
    flags: tuple[str, ...]
    strict: str
    default: str


PAGE_SERVERS = {
    ServiceType.NEXT: PageServer(
        program="next", subcommands=("dev", "start"), flags=("-p", "--port"), strict="", default="next dev"
    ),
    ServiceType.VITE: PageServer(
        program="vite",
        subcommands=("", "dev", "serve", "preview"),
        others=("build", "optimize"),
        flags=("--port",),
        strict="--strictPort",
        default="vite",
    ),
}

# Programs that run another one named in their arguments; what of theirs comes before it is skipped.
_RUNNERS = {"npx", "bunx", "cross-env", "env", "dotenv", "nodemon", *MANAGERS}
_RUNNER_WORDS = {"exec", "dlx", "x", "--", "-y", "--yes", "--bun"}
# Programs that run another one after `run`, in their own environment but in the same folder.
_ENVIRONMENTS = {
    "uv",
    "poetry",
    "pipenv",
    "rye",
    "hatch",
    "pdm",
    "pixi",
    "op",
    "doppler",
    "infisical",
    "dotenvx",
}
_ELSEWHERE = {"--directory", "--project", "-C", "-P"}
_TAKES_A_WORD = re.compile(
    r"--(?:with|env-file|extra|group|python|package|config|env|projectId|path)|-[efpc]"
)


def behind(words: tuple[str, ...], package: Package | None) -> Script | None:
    """The script that `words` run (`npm run dev`, `pnpm dev`, `yarn start`), if the package has it."""
    if package is None or len(words) < 2 or words[0] not in MANAGERS:
        return None
    after = [word for word in words[1:] if not word.startswith("-")]
    explicit = bool(after) and after[0] in ("run", "run-script")
    name = after[1] if explicit and len(after) > 1 else after[0] if after else ""
    if words[0] == "npm" and not explicit and name not in ("start", "test"):
        return None
    if name not in package.scripts or is_elsewhere(words):
        return None
    return Script(
        name=name,
        text=package.scripts[name],
        path=package.path,
        line=package.lines.get(name, 1),
        manager=words[0],
    )


def port_flags(
    kind: ServiceType, port: int, words: tuple[str, ...], script: Script | None = None
) -> tuple[str, ...]:
    """What to append so that a page server uses `port` and no other; nothing that is there already."""
    server = PAGE_SERVERS.get(kind)
    last = _last_command(script.text) if script else words
    if server is None or last is None or not _serves(server, last):
        return ()
    present = words + last
    flags: tuple[str, ...] = ()
    if not any(_has_flag(present, flag) for flag in server.flags):
        flags += (server.flags[0], str(port))
    if server.strict and not _has_flag(present, server.strict):
        flags += (server.strict,)
    if flags and script and script.manager == "npm" and "--" not in words:
        return ("--", *flags)
    return flags


def settings(script: Script) -> dict[str, str | None]:
    """What the script's last command puts before its program (`A=1 next dev`, `cross-env A=1 …`).

    None where only the shell can tell the text.
    """
    command = shell_words.read(re.split(r"&&|;", script.text)[-1])
    found = {one.name: one.text for one in command.assignments}
    words = command.words or ()
    if words and Path(words[0]).name in ("cross-env", "cross-env-shell", "env"):
        for word in itertools.takewhile(_is_setting, words[1:]):
            name, _, text = word.partition("=")
            found[name] = text
    return found


@lru_cache(maxsize=1024)
def tool(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words from the program that really runs: runners, wrappers and inline variables are taken off."""
    rest = list(words)
    while rest:
        runner = Path(rest[0]).name
        if runner in _ENVIRONMENTS and rest[1:2] == ["run"]:
            inner = after_run(rest[2:])
            if not inner:
                break
            rest = inner
        elif runner in _RUNNERS or _is_setting(rest[0]) or rest[0] in _RUNNER_WORDS:
            del rest[0]
            if runner == "dotenv" and "--" in rest:
                rest = rest[rest.index("--") + 1 :]
        else:
            break
    return (Path(rest[0]).name, *rest[1:]) if rest else ()


def after_run(words: list[str]) -> list[str]:
    """What `uv run …` runs, its own options taken off; nothing where it runs in another folder."""
    before = words[: words.index("--")] if "--" in words else words
    if any(word.partition("=")[0] in _ELSEWHERE for word in before):
        return []
    if "--" in words:
        return words[words.index("--") + 1 :]
    while words and words[0].startswith("-"):
        words = words[2 if _TAKES_A_WORD.fullmatch(words[0]) else 1 :]
    return words


def _last_command(text: str) -> tuple[str, ...] | None:
    """The words of the script's last command: arguments given to the script end up there."""
    if re.search(r"(?<!&)&(?!&)|\|", text):
        return None
    last = re.split(r"&&|;", text)[-1]
    return shell_words.read(last).words


def _serves(server: PageServer, words: tuple[str, ...]) -> bool:
    found = tool(words)
    if not found or found[0] != server.program:
        return False
    subcommand = found[1] if len(found) > 1 and not found[1].startswith("-") else ""
    return subcommand in server.subcommands or ("" in server.subcommands and subcommand not in server.others)


def _has_flag(words: tuple[str, ...], flag: str) -> bool:
    short = len(flag) == 2
    return any(
        word == flag or word.startswith(f"{flag}=") or (short and re.match(rf"{flag}\d", word))
        for word in words
    )


def _is_setting(word: str) -> bool:
    return re.match(r"[A-Za-z_][A-Za-z0-9_]*=", word) is not None


def is_elsewhere(words: tuple[str, ...]) -> bool:
    """Whether the package manager is told to work in another folder, in another workspace, or in several."""
    places = (
        *("--prefix", "-C", "--cwd", "--filter", "-F", "-w", "--workspace", "workspace"),
        *("-r", "--recursive", "-ws", "--workspaces"),
    )
    return any(word == place or word.startswith(f"{place}=") for word in words for place in places)
