"""What kind of program a process is, told from its command line and executable. Pure tables and look-ups."""

from __future__ import annotations

import re
from pathlib import PurePosixPath, PureWindowsPath

from devstack.host.model import Trait
from devstack.host.process_facts import Facts


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Forward a port of a container or of the machine that runs containers; stopping one cuts the container off.
CONTAINER_PROXIES = _words(
    """
    docker-proxy conmon rootlessport rootlessport-child rootlesskit slirp4netns pasta pasta.avx2
    passt gvproxy com.docker.backend com.docker.vpnkit vpnkit vpnkit-bridge wslrelay limactl colima
    orbstack docker-init containerd-shim containerd-shim-runc-v2 netavark-proxy
    """
)

# Belong to the operating system, with what a person can do about them.
SYSTEM_PROGRAMS = {
    "controlcenter": "AirPlay Receiver: System Settings > General > AirDrop & Handoff > AirPlay Receiver",
    "controlce": "AirPlay Receiver: System Settings > General > AirDrop & Handoff > AirPlay Receiver",
    "airplayxpchelper": "AirPlay Receiver: System Settings > General > AirDrop & Handoff > AirPlay Receiver",
    "rapportd": "Handoff: System Settings > General > AirDrop & Handoff",
    "sharingd": "System Settings > General > Sharing",
    "launchd": "a launchd job: launchctl list",
    "systemd": "a socket unit: systemctl list-sockets",
    "dockerd": "the Docker daemon",
    "containerd": "the container daemon",
    "sshd": "the ssh server",
    "inetd": "the inet daemon",
    "xinetd": "the inet daemon",
    "cupsd": "the printing service",
    "systemd-resolved": "the name resolver",
    "svchost": "a Windows service",
}

EDITORS = _words(
    """
    code code-server code-insiders code-tunnel codium cursor windsurf zed zed-editor idea idea64
    webstorm pycharm pycharm64 goland rider clion phpstorm rubymine sublime_text emacs vim nvim
    tsserver claude jetbrains-gateway remote-dev-server fleet copilot-agent codex
    """
)
# Extensions and servers of editors run on ordinary runtimes; worktrees that an editor made do not count.
_EDITOR_MARKS = re.compile(
    r"/\.(?:vscode|cursor|windsurf)/extensions/|/\.(?:vscode|cursor|windsurf|zed|codeium)[-_]server(?:-[a-z]+)?/"
    r"|\b(?:Code|Cursor) Helper\b"
)
_LANGUAGE_SERVER = re.compile(r"language-?server|langserver|^tsserver$|^eslint_?d$")

DATABASES = _words(
    """
    postgres postgresql mysqld mariadbd mongod redis-server valkey-server memcached
    clickhouse-server influxd cockroach etcd rabbitmq-server nats-server minio elasticsearch
    opensearch meilisearch qdrant neo4j cassandra dragonfly keydb-server surreal
    """
)

# A shell, runtime or tool that starts the real server and may start it again.
_RUNNERS = _words(
    """
    npm npm-cli npx npx-cli pnpm pnpx yarn yarnpkg bun bunx corepack nodemon tsx ts-node-dev
    node-dev supervisor concurrently conc run-p run-s npm-run-all npm-run-all2 wireit lerna nx turbo
    honcho foreman forego hivemind overmind mprocs process-compose watchexec entr reflex air
    cargo-watch watchmedo watchfiles poetry pipenv uv hatch rye pdm make just task mise direnv
    dotenv dotenvx env-cmd cross-env doppler infisical op varlock next vite uvicorn gunicorn
    hypercorn granian daphne flask fastapi adev sanic webpack rspack nuxt astro remix parcel
    start-server-and-test go cargo deno
    """
)
SHELLS = _words(
    """
    sh bash dash zsh ksh ash fish busybox
    """
)

# They start what they watch again, and must be asked themselves. Name: how.
SUPERVISORS = {
    "devstack": "devstack down, in that folder",
    "pm2": "pm2 list, then pm2 stop NAME",
    "supervisord": "supervisorctl status, then supervisorctl stop NAME",
    "runsv": "sv stop NAME",
    "s6-supervise": "s6-svc -d SERVICE",
    "circusd": "circusctl stop NAME",
    "monit": "monit unmonitor NAME",
}

_RUNTIMES = re.compile(
    r"^(?:node|nodejs|python[\d.]*|pypy[\d.]*|bun|deno|ruby|php[\d.]*|java|dotnet|beam(?:\.smp)?|perl|workerd|next-server"
    r"|vite|next|webpack|esbuild|uvicorn|gunicorn|hypercorn|daphne|granian|flask|fastapi|livekit-server|caddy|nginx)$"
)
# Run on the same runtimes, hold ports below the repository, and are nobody's dev server.
_NOT_SERVERS = frozenset(
    {"pytest", "py.test", "jupyter", "jupyter-lab", "jupyter-notebook", "ipykernel_launcher", "debugpy"}
)

# Run the command that follows in their own name.
_LAUNCHERS = _words(
    """
    timeout env nice nohup setsid stdbuf ionice time unbuffer xvfb-run script caffeinate
    """
)
_LAUNCHER_ARGUMENT = re.compile(r"^(?:-.*|\d+(?:\.\d+)?[smhd]?|[A-Za-z_]\w*=.*)$")
_INTERPRETERS_OF_ONE = frozenset({"node", "nodejs", "bun", "deno"})

_SUFFIX = re.compile(r"\.(?:exe|cmd|[cm]?js|[cm]?ts|py)$", re.IGNORECASE)


def own_names(facts: Facts) -> tuple[str, ...]:
    """Names of the program itself, lower case: executable, own title, kernel name; never a script's.

    A program may rewrite its own title into one argument with blanks (`next-server (v16.4.6)`).
    """
    title = facts.argv[0].split()[:1] if facts.argv else []
    found = [facts.executable or "", *title, *facts.kin.name.split()[:1]]
    return tuple(dict.fromkeys(_last_part(name).lower().removesuffix(".exe") for name in found if name))


def names(facts: Facts) -> tuple[str, ...]:
    """`own_names`, and what a runtime or launcher was told to run (`node .bin/next` → next).

    Other arguments are not looked at: the server of `tmux new -d npm run dev` is tmux.
    """
    found = [*own_names(facts), *map(_base, _told(list(facts.argv)))]
    return tuple(dict.fromkeys(name for name in found if name))


def _told(argv: list[str]) -> list[str]:
    """What `node x`, `python -m x`, `timeout 60 x` run."""
    found: list[str] = []
    while argv:
        head, *rest = argv
        name = _base(head)
        if name in _LAUNCHERS:
            argv = [word for word in rest if not _LAUNCHER_ARGUMENT.match(word)]
        elif _RUNTIMES.match(name):
            argv = _after_options(rest)
            if name in _INTERPRETERS_OF_ONE:
                return [*found, *argv[:1]]
        else:
            return found
        found += argv[:1]
    return found


def _after_options(arguments: list[str]) -> list[str]:
    while arguments and arguments[0].startswith("-"):
        option = arguments[0]
        if option in ("-c", "-e", "--eval", "-p"):
            return []
        if option == "-m":
            return [arguments[1].partition(".")[0], *arguments[2:]] if len(arguments) > 1 else []
        skip = 2 if option in ("-r", "--require", "--import", "--loader", "-W", "-X", "--env-file") else 1
        arguments = arguments[skip:]
    return arguments


def _base(text: str) -> str:
    return _SUFFIX.sub("", _last_part(text)).lower()


def _last_part(text: str) -> str:
    return (PureWindowsPath(text).name if "\\" in text else PurePosixPath(text).name).rstrip(":")


def container_proxy(facts: Facts) -> str | None:
    """Name of the container machinery that this process is, or None."""
    known = own_names(facts)
    proxy = next((name for name in known if name in CONTAINER_PROXIES), None)
    if proxy is not None:
        return proxy
    if "orbstack helper" in " ".join(facts.argv[:2]).lower():
        return "OrbStack Helper"
    if "ssh" in known and re.search(r"/\.(?:lima|colima)/", " ".join(facts.argv)):
        return "colima"
    return None


def system_note(facts: Facts) -> str | None:
    """What a part of the operating system is, and where it is switched off; None for other programs."""
    return next((SYSTEM_PROGRAMS[name] for name in own_names(facts) if name in SYSTEM_PROGRAMS), None)


def trait(facts: Facts) -> Trait | None:
    """Kind of a program that must not simply be stopped."""
    known = own_names(facts)
    is_extension = _EDITOR_MARKS.search(" ".join(facts.argv)) or any(
        _LANGUAGE_SERVER.search(name) for name in names(facts)
    )
    if is_extension or any(word in EDITORS for word in known):
        return Trait.EDITOR
    if "ssh" in known or "autossh" in known:
        return Trait.TUNNEL
    if any(word in DATABASES for word in known):
        return Trait.DATABASE
    return None


def is_dev_server(facts: Facts, root: str) -> bool:
    """Whether it looks like a server under development: a known runtime, or a program built below `root`."""
    known = names(facts)
    if any(word in _NOT_SERVERS for word in known):
        return False
    built_here = facts.executable is not None and is_below(facts.executable, root)
    return built_here or any(_RUNTIMES.match(word) or word in _RUNNERS for word in known)


def is_runner(facts: Facts) -> bool:
    """Whether it is a known runner: package manager, watcher, reloader, process manager, framework."""
    watches = any(option.startswith("--watch") for option in facts.argv[1:6])
    return watches or any(name in _RUNNERS | _LAUNCHERS for name in names(facts))


def is_shell_command(facts: Facts) -> bool:
    """`sh -c "…"`: a shell without a person; interactive shells and scripts are something else."""
    if not facts.argv or _base(facts.argv[0]) not in SHELLS:
        return False
    return any(re.fullmatch(r"-[a-z]*c", option) for option in facts.argv[1:3])


def is_interactive_shell(facts: Facts) -> bool:
    """A shell at which a person types: no command, no script."""
    if not facts.argv or _base(facts.argv[0].removeprefix("-")) not in SHELLS:
        return False
    return all(argument.startswith("-") and "c" not in argument for argument in facts.argv[1:])


def supervisor(facts: Facts) -> tuple[str, str] | None:
    """A process manager that restarts what it watches, and how to ask it to stop; None for other programs."""
    return next(((name, SUPERVISORS[name]) for name in names(facts) if name in SUPERVISORS), None)


def is_below(path: str, root: str) -> bool:
    """Whether `path` is `root` or lies in it; both absolute."""
    return path == root or path.startswith(root.rstrip("/") + "/")
