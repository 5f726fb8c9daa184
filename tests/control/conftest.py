"""A run with its server and a client over a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.control.client import ControlClient
from devstack.control.server import ControlServer
from devstack.host.private_folder import PrivateFolder
from tests.control.runs import Run


@pytest.fixture
def run() -> Run:
    return Run()


@pytest.fixture
def folder(tmp_path: Path) -> PrivateFolder:
    return PrivateFolder.beside(tmp_path)


@pytest.fixture
def server(run: Run, folder: PrivateFolder) -> Iterator[ControlServer]:
    control = ControlServer(folder, run.hub)
    control.start()
    yield control
    control.close()


@pytest.fixture
def client(server: ControlServer, folder: PrivateFolder) -> ControlClient:
    return ControlClient(folder)
