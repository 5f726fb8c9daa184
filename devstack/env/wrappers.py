"""What gives a process its environment before the program itself loads files.

`dotenv -e ../../.env -- next dev`, `env-cmd`, `doppler run --`, a shell that sources a file: told by the words of the
command and of the package.json scripts that it runs. Nothing is executed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from devstack.patterns import regex
from devstack.records import dataclass
from devstack.stack import scripts

_BETWEEN = regex(r"[\s;&|()\"'`{}]+")
_DEEPEST = 4  # scripts that run scripts
# Programs that hand on an environment of their own making: from a vault, an encrypted file, a file in their own format.
_UNKNOWN = frozenset(
    {
        *(
            "env-cmd",
            "dotenvx",
            "dotenv-flow",
            "dotenv-vault",
            "doppler",
            "op",
            "infisical",
            "varlock",
            "direnv",
        ),
        *("aws-vault", "chamber", "teller", "summon", "envchain", "envconsul", "sops", "phase", "secretspec"),
        *("devbox", "honcho", "foreman", "overmind", "hivemind", "xargs"),
    }
)
# Words of other meaning elsewhere: runners of tasks, and servers that load files of their own.
_UNKNOWN_FIRST = frozenset(
    {
        *("make", "gmake", "just", "task", "mise", "sst", "nf", "nx"),
        *("langgraph", "langgraphjs", "mastra", "wrangler", "netlify", "vercel", "nuxt", "nuxi", "func"),
    }
)
_RUNNERS = frozenset(
    {"npx", "bunx", "pnpm", "yarn", "exec", "dlx", "uv", "uvx", "poetry", "run", "-y", "--yes"}
)
_BUN = {"bun", "bunx"}
_SHELL_SCRIPT = regex(r"[\w./-]+\.(?:sh|bash|zsh)\Z")
_ENV_FLAG = regex(r"--env-file(?:-if-exists)?(?:=(.*))?\Z")
_FOR_UV = "UV_ENV_FILE="
_PRELOAD = regex(r"(?:dotenv_config_path|DOTENV_CONFIG_PATH)=(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """One thing that sets variables before the program runs.

    Attributes:
        by: the word that shows it.
        loader: whose rules read `files`; None where what it sets cannot be told.
        files: relative to the service's folder, in the order of the words.
    """

    by: str
    loader: str | None = None
    files: tuple[str, ...] = ()
    override: bool = False


def supplies(text: str, known: Mapping[str, str], *, env_file_flag: bool) -> tuple[Supply, ...]:
    """What the command `text` puts around its program; `known` are the scripts of its package.json.

    Args:
        env_file_flag: whether `--env-file` counts here, because nobody else looks at it.
    """
    found = list(_of(text, dict(known), env_file_flag, _DEEPEST))
    return tuple(dict.fromkeys(found))


def _of(text: str, known: dict[str, str], env_file_flag: bool, depth: int) -> Iterator[Supply]:
    """`known` are the scripts that were not looked at yet."""
    words = [word for word in _BETWEEN.split(text) if word]
    for at, word in enumerate(words):
        program = word.rpartition("/")[2]
        flag = _ENV_FLAG.match(word)
        if program == "dotenv":
            yield from _dotenv(words[at + 1 :])
        elif program == "uv":
            yield from _uv(words[at + 1 :], _told_uv(words[:at]))
        elif (
            program in _UNKNOWN
            or _SHELL_SCRIPT.match(word)
            or (program in _UNKNOWN_FIRST and _RUNNERS.issuperset(words[:at]))
        ):
            yield Supply(by=program)
        elif word in (".", "source"):
            if "env" in "".join(words[at + 1 : at + 2]):
                yield Supply(by=word)
        elif preload := _PRELOAD.match(word):
            yield Supply(by="dotenv/config", loader="dotenv", files=(preload.group(1),))
        elif flag and env_file_flag:
            yield from _flagged(words, at, flag.group(1))
        elif depth and (script := known.pop(word, None)) is not None:
            told = [one for one in words[:at] if one.startswith(_FOR_UV)]
            yield from _of(" ".join((*told, script)), known, env_file_flag, depth - 1)


def _told_uv(words: Sequence[str]) -> tuple[str, ...]:
    """The file of `UV_ENV_FILE=F uv run …`."""
    return tuple(word.partition("=")[2] for word in words if word.startswith(_FOR_UV))[-1:]


def _dotenv(words: Sequence[str]) -> Iterator[Supply]:
    """dotenv-cli (`dotenv -e FILE -- next dev`) or python-dotenv's (`dotenv -f FILE run -- python main.py`)."""
    files: list[str] = []
    override = False
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        if word in ("-e", "-f", "--file"):
            files.append(following)
        elif word in ("-o", "--override"):
            override = True
        elif word == "run":
            yield from (
                Supply(
                    by="dotenv", loader="python-dotenv", files=(file,), override="--no-override" not in words
                )
                for file in files or [".env"]
            )
            return
        elif word.startswith("-") and word not in ("--", "-q", "--quiet"):
            yield Supply(by="dotenv")  # a cascade of files, single values, a printout
            return
        elif word == "--" or words[at - 1] not in ("-e", "-f", "--file"):
            break
    for file in files or [".env"]:
        yield Supply(by="dotenv", loader="dotenv-expand", files=(file,), override=override)


def _uv(words: Sequence[str], given: tuple[str, ...]) -> Iterator[Supply]:
    """`uv run --env-file F`, in `words` behind `uv`; `given` are the files of UV_ENV_FILE."""
    own = _flags_of_uv(words)
    if own is None or "--no-env-file" in own:
        return
    files = tuple(
        word.partition("=")[2] or "".join(own[at + 1 : at + 2])
        for at, word in enumerate(own)
        if _ENV_FLAG.match(word)
    )
    is_here = len(own) < len(words)
    if files or given:
        loader = "uv" if is_here else None
        yield Supply(by="uv run --env-file", loader=loader, files=(files or given) if is_here else ())


def _flags_of_uv(words: Sequence[str]) -> Sequence[str] | None:
    """The words between `uv run` and what it runs; all of them where it runs in another folder; else None."""
    run = next((at for at, word in enumerate(words) if not word.startswith("-")), None)
    if run is None or words[run] != "run":
        return None
    return words[: len(words) - len(scripts.after_run(list(words[run + 1 :])))]


def _flagged(words: Sequence[str], at: int, given: str | None) -> Iterator[Supply]:
    """`--env-file F` of the program before it; Bun's own is told by `env.bun`, and uv's by `_uv`."""
    file = given if given is not None else words[at + 1] if at + 1 < len(words) else None
    programs = [word.rpartition("/")[2] for word in words[:at]]
    is_optional = "if-exists" in words[at]
    loader = "python-dotenv" if "uvicorn" in programs else "node" if "node" in programs else None
    if file and not is_optional and "op" not in programs and loader:
        yield Supply(by=words[at], loader=loader, files=(file,))
    elif loader or not (_is_of_uv(words, programs, at) or {*programs} & _BUN):
        yield Supply(by=words[at].partition("=")[0])


def _is_of_uv(words: Sequence[str], programs: Sequence[str], at: int) -> bool:
    own = _flags_of_uv(words[programs.index("uv") + 1 :]) if "uv" in programs else None
    return own is not None and at <= programs.index("uv") + len(own)
