"""`devstack init`: write stack.toml from what a repository shows, or a template's files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.env import files_out
from devstack.errors import ExitCode, RefusedError, StackFileError, SystemProblem, UsageError
from devstack.records import dataclass

if TYPE_CHECKING:
    from devstack.stack.detect.model import Detected

NAME = "stack.toml"
_NAMED = 12
_FILE_MODE = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asks for."""

    folder: Path
    template: str | None = None
    dry_run: bool = False
    force: bool = False


def init(request: Request) -> int:
    """Write the files; nothing at all when one of them exists and `force` is not given."""
    if request.template is not None:
        return _from_template(request, request.template)
    root = request.folder.absolute()
    if not root.is_dir():
        raise UsageError(f"{request.folder} is not a folder")
    if root.resolve() in (Path.home().resolve(), Path(root.anchor)):
        raise RefusedError(
            f"{root} is a whole home folder or disk, not a repository",
            hint="call it in a repository, or devstack init FOLDER",
        )
    detected = _detected(root, request.folder)
    files = _files(root, detected)
    _tell(detected)
    _write(request, files)
    if not request.dry_run:
        _tell_of_another(root)
        print("next: `devstack doctor`, then `devstack up`")
        print("for completion in editors: `devstack schema > stack.schema.json`")
    return int(ExitCode.OK)


def _tell_of_another(root: Path) -> None:
    """A stack.toml of the same repository further up: below `root` it is not read any more."""
    if (root / ".git").exists():
        return
    for number, folder in enumerate(root.parents, start=1):
        if (folder / NAME).is_file():
            print(f"note: in this folder it takes the place of {'../' * number}{NAME}")
        if (folder / NAME).is_file() or (folder / ".git").exists():
            return


def list_templates() -> int:
    """Name the templates with their first line."""
    from devstack.stack import templates

    for template in templates.every():
        print(f"{template.name.ljust(20)} {template.summary}")
    return int(ExitCode.OK)


def _detected(root: Path, folder: Path) -> Detected:
    """One stack; UsageError where there is none, or where separate projects lie side by side."""
    from devstack.stack.detect.repository import detect

    detected = detect(root)
    if detected.projects:
        raise _several(detected)
    if not detected.services:
        name = root.name if folder == Path() else folder
        raise UsageError(
            f"no service found in {name}: {'; '.join(detected.notes)}",
            hint="`devstack init --list-templates` names complete examples to start from",
        )
    return detected


def _files(root: Path, detected: Detected) -> dict[str, bytes]:
    """stack.toml, proven to load, and a Procfile.dev where other runners can use one."""
    from devstack.stack.detect.procfiles import propose
    from devstack.stack.detect.write import document
    from devstack.stack.load import load_text
    from devstack.stack.procfile import parse_text

    while _makes_room(detected):
        pass
    _share_keys(detected)
    commands = propose(detected)
    content = document(detected)
    _, problems = load_text(root / NAME, content, parse_text(commands) if commands else None)
    if problems:
        raise StackFileError(
            "what was found does not make a right stack.toml",
            problems=problems,
            hint="write it by hand from `devstack schema`, or start from a template",
        )
    procfile = {} if commands is None else {str(detected.procfile): commands.encode()}
    return {NAME: content.encode(), **procfile}


def _makes_room(detected: Detected) -> bool:
    """Whether services claimed one port, as `devstack doctor` would say; now fewer of them do."""
    from devstack.env.files import Files
    from devstack.rules.inspection import Inspection
    from devstack.rules.port_clash import clashes
    from devstack.stack.detect.clashes import settle
    from devstack.stack.detect.write import document
    from devstack.stack.load import load_text

    root = detected.root
    stack, problems = load_text(root / NAME, document(detected))
    inspection = Inspection(root=root, stack=stack, files=Files(root), problems=problems)
    found = clashes(inspection)
    return any(settle(detected, port, {claim.service for claim in claims}) for port, claims in found)


def _share_keys(detected: Detected) -> None:
    """Make one value of what one service signs tokens with and another one verifies them with."""
    from devstack.contract.signatures import undeclared
    from devstack.env.files import Files
    from devstack.env.source.scan import SourceScanner
    from devstack.stack.detect.contract import share
    from devstack.stack.detect.model import Evidence
    from devstack.stack.detect.write import document
    from devstack.stack.load import load_text

    stack, _ = load_text(detected.root / NAME, document(detected))
    if stack is None:
        return
    scanner = SourceScanner(detected.root, Files(detected.root))
    for common in list(undeclared(stack, lambda service: scanner.keys(stack, service))):
        evidence = {}
        for member in common.members:
            use = member.use
            what = f"{use.role} tokens with {use.read.name}"
            evidence[member.reference] = Evidence(path=use.path, line=use.line, what=what)
        share(detected, evidence, common.groups)


def _several(detected: Detected) -> UsageError:
    folders = [folder.as_posix() for folder in detected.projects]
    more = f" and {len(folders) - _NAMED} more" if len(folders) > _NAMED else ""
    return UsageError(
        f"{detected.root.name} is not one stack, it holds separate projects: {', '.join(folders[:_NAMED])}{more}",
        hint=f"go into one: `cd {folders[0]} && devstack init`",
    )


def _tell(detected: Detected) -> None:
    """What was inferred, and from where."""
    from devstack.stack.detect.containers import DEFAULTS

    print(f"found in {detected.root.name}:")
    width = max(len(service.name) for service in detected.services)
    for service in detected.services:
        port = f" port {service.port}" if service.port else ""
        print(f"  {service.name.ljust(width)}  {service.kind}{port}")
        for evidence in service.evidence:
            print(f"  {' ' * width}    {evidence}")
    for group in detected.shared:
        places = ", ".join(f"{one.path}:{one.line}" for one in group.evidence)
        print(f"  shared {group.name}: {' = '.join(group.members)} ({places})")
    for link in detected.links:
        print(f"  link {link.source} -> {link.to} ({link.evidence.path}:{link.evidence.line})")
    for one in detected.origins:
        print(
            f"  origins {one.source} allows {', '.join(one.allows)} ({one.evidence.path}:{one.evidence.line})"
        )
    for note in detected.notes:
        print(f"  note: {note}")
    containers = [one.compose.rpartition(":") for one in detected.services if one.compose]
    if containers:
        file, names = containers[0][0], " ".join(name for _, _, name in containers)
        option = "" if file in DEFAULTS else f"-f {file} "
        print(
            f"  note: containers are not started yet: `docker compose {option}up -d {names}` before `devstack up`"
        )


def _from_template(request: Request, name: str) -> int:
    from devstack.stack import templates

    files = templates.files(name)
    _write(request, files)
    if not request.dry_run:
        print("next: `devstack env sync`, then `devstack up`")
    return int(ExitCode.OK)


def _write(request: Request, files: Mapping[str, bytes]) -> None:
    folder = request.folder
    held = [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]
    if request.dry_run:
        for name, content in files.items():
            print(f"\n--- {name}{' (exists)' if name in held else ''}")
            print(content.decode(errors="replace"), end="")
        return
    if held and not request.force:
        raise RefusedError(f"{', '.join(held)} exists already", hint="--force overwrites, --dry-run shows")
    for name, content in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_bytes() if path.exists() else None
            mode = _FILE_MODE if before is None else None
            files_out.write(
                [files_out.FileChange(path=path.resolve(), before=before, after=content, mode=mode)]
            )
        except OSError as problem:
            raise SystemProblem(
                f"cannot write {name}: {problem.strerror}", hint="--dry-run shows what would be written"
            ) from None
        print(f"wrote {name}")
