"""What `up --isolate` changed: declared and used ports side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from devstack.contract.isolate import Isolation


def text(isolation: Isolation, remarks: Iterable[str]) -> str:
    """Ports, the variables that follow them (names only: values may hold secrets), and what cannot follow."""
    moves = [
        f"{move.service}{'' if move.role == 'main' else f' {move.role}'} {move.declared} → {move.port}"
        for move in isolation.moves
    ]
    lines = [f"isolated: {', '.join(moves) or 'nothing to move'}"]
    names = [f"{rewrite.service}:{rewrite.name}" for rewrite in isolation.rewrites]
    if names:
        lines.append(f"  follows in the processes, not in the files: {', '.join(names)}")
    return "\n".join([*lines, *(f"  warning: {remark}" for remark in remarks)])


def with_declared(addresses: Mapping[str, str], isolation: Isolation) -> dict[str, str]:
    """Addresses with the declared port beside the one in use."""
    declared = isolation.declared
    return {
        name: f"{address} (isolated from {declared[name]})" if name in declared else address
        for name, address in addresses.items()
    }
