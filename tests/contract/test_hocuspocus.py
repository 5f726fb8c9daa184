"""Hocuspocus's authentication messages, byte for byte as its version 3 was seen to write and read them."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.contract import hocuspocus
from devstack.contract.codes import Code
from devstack.contract.diagnosis import diagnose
from devstack.contract.protocols import Manner
from devstack.contract.session import Target
from tests.contract.hostile import after_upgrade, serving

NAME = b"\x0edevstack-probe"


def test_the_first_message_names_a_document_and_carries_the_token() -> None:
    assert hocuspocus.authentication("tok") == NAME + b"\x02\x00\x03tok"
    assert hocuspocus.authentication("t" * 300) == NAME + b"\x02\x00\xac\x02" + b"t" * 300


@pytest.mark.parametrize(
    ("message", "let_in"),
    [
        (NAME + b"\x02\x02\x0aread-write", True),
        (NAME + b"\x02\x01\x11permission-denied", False),
        (NAME + b"\x00\x00\x01\x00", None),
        (NAME, None),
        (b"", None),
        (b"\xff" * 20, None),
    ],
)
def test_an_answer_is_yes_no_or_about_something_else(message: bytes, let_in: bool | None) -> None:
    assert hocuspocus.is_let_in(message) is let_in


@given(st.binary(max_size=60))
def test_no_message_breaks_the_reading(message: bytes) -> None:
    assert hocuspocus.is_let_in(message) in (True, False, None)


@pytest.mark.parametrize(
    ("answer", "code"),
    [(NAME + b"\x02\x02\x00", Code.OK), (NAME + b"\x02\x01\x00", Code.TOKEN_REJECTED), (b"", Code.NO_ANSWER)],
)
def test_the_verdict_follows_the_answer_of_the_server(answer: bytes, code: Code) -> None:
    async def run() -> Code:
        frame = bytes([0x82, len(answer)]) + answer
        async with serving(after_upgrade(frame if answer else b"")) as server:
            manner = Manner(protocol="hocuspocus")
            url = f"ws://127.0.0.1:{server.port}/"
            return (
                await diagnose(Target(url=url, manner=manner, token="given", timeout=30 if answer else 0.3))
            ).verdict.code

    assert asyncio.run(run()) is code
