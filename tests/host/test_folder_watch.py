"""Both ways to hear of changes in folders, the one of this system and the one of all others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.host import folder_watch
from devstack.host.folder_watch import FolderWatch


class Heard:
    """Names that were told; `until` waits for one of them."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._news = asyncio.Event()

    def __call__(self, name: str) -> None:
        self.names.append(name)
        self._news.set()

    async def until(self, *names: str) -> None:
        async with asyncio.timeout(60):
            while not set(names) & set(self.names):
                await self._news.wait()
                self._news.clear()


@pytest.fixture
async def heard() -> Heard:
    return Heard()


@pytest.fixture(params=["portable", "of this system"])
async def watch(
    request: pytest.FixtureRequest, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FolderWatch]:
    monkeypatch.setattr(folder_watch, "LOOK_AGAIN", 50)
    loop = asyncio.get_running_loop()
    if request.param == "portable":
        made: FolderWatch = folder_watch._Portable(loop, heard)
    else:
        made = folder_watch.watch(loop, heard)
    yield made
    made.close()


async def test_a_change_is_told_by_its_name(watch: FolderWatch, heard: Heard, tmp_path: Path) -> None:
    watch.set({tmp_path})
    if isinstance(watch, folder_watch._Portable):
        await heard.until("")  # it watches now
    (tmp_path / ".env").write_text("A=1\n")
    await heard.until(".env")


async def test_what_changes_while_the_folders_become_others_does_not_escape(
    watch: FolderWatch, heard: Heard, tmp_path: Path
) -> None:
    (tmp_path / "web").mkdir()
    watch.set({tmp_path})
    watch.set({tmp_path, tmp_path / "web"})
    (tmp_path / "web" / ".env").write_text("A=1\n")
    await heard.until(".env", "")


async def test_nothing_is_told_of_a_watch_that_was_closed(heard: Heard, tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    watch = folder_watch.watch(loop, heard)
    watch.set({tmp_path})
    (tmp_path / ".env").write_text("A=1\n")
    watch.close()
    await asyncio.sleep(0)
    assert heard.names == []
