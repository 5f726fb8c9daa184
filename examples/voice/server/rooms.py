"""Rooms: people hear each other, and every agent hears all rooms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Socket(Protocol):
    """The part of a WebSocket that rooms and the server use."""

    async def send_json(self, data: object) -> None: ...

    async def receive_text(self) -> str: ...

    async def close(self, code: int, reason: str) -> None: ...


@dataclass(eq=False)
class Member:
    """A connection with a proven name; `role` is `client` or `agent`."""

    name: str
    role: str
    socket: Socket


class Rooms:
    """Who is where."""

    def __init__(self) -> None:
        self._rooms: dict[str, set[Member]] = {}
        self._agents: set[Member] = set()

    def count(self) -> int:
        """How many rooms have somebody in them."""
        return len(self._rooms)

    async def join(self, member: Member, room: str) -> None:
        """Let `member` in and tell everybody who should know."""
        if member.role == "agent":
            self._agents.add(member)
            await self._send([member], {"type": "registered"})
            for name in self._rooms:
                await self._send(self._rooms[name], self._presence(name))
            return
        self._rooms.setdefault(room, set()).add(member)
        await self._send([member], {"type": "welcome", "name": member.name, "room": room})
        await self._send(self._rooms[room], self._presence(room))

    async def leave(self, member: Member) -> None:
        """Forget `member`; a room without people is gone."""
        self._agents.discard(member)
        for name, people in list(self._rooms.items()):
            people.discard(member)
            if people:
                await self._send(people, self._presence(name))
            else:
                del self._rooms[name]

    async def say(self, member: Member, room: str, text: str) -> None:
        """Pass `text` to everybody in `room`; agents hear what people say, not each other."""
        message = {"type": "message", "room": room, "from": member.name, "role": member.role, "text": text}
        hearers = set(self._rooms.get(room, ()))
        if member.role != "agent":
            hearers |= self._agents
        await self._send(hearers, message)

    def _presence(self, room: str) -> dict[str, object]:
        people = sorted(member.name for member in self._rooms.get(room, ()))
        return {"type": "presence", "room": room, "people": people, "agents": len(self._agents)}

    async def _send(self, members: set[Member] | list[Member], message: dict[str, object]) -> None:
        for member in list(members):
            try:
                await member.socket.send_json(message)
            except RuntimeError:
                # The connection ended between two messages; its own task removes it.
                continue
