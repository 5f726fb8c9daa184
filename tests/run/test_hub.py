from __future__ import annotations

import threading

from devstack.run.events import Envelope, OutputBlock, OutputLost, ServiceReady
from devstack.run.hub import Hub
from devstack.run.state import RunState


def hub() -> Hub:
    return Hub(lambda: 7.0)


def block(service: str, data: bytes) -> OutputBlock:
    return OutputBlock(service=service, generation=1, data=data)


def kinds(envelopes: list[Envelope]) -> list[str]:
    return [type(one.event).__name__ for one in envelopes]


def test_events_are_numbered_without_gaps_and_timed() -> None:
    one = hub()
    _, subscription = one.subscribe()
    for _ in range(3):
        one.publish(ServiceReady(service="web"))
    assert [(each.seq, each.at) for each in subscription.take()] == [(1, 7.0), (2, 7.0), (3, 7.0)]


def test_a_late_subscriber_gets_the_state_and_only_what_comes_after() -> None:
    one = hub()
    state = RunState(began=True)
    one.publish(ServiceReady(service="web"), state)
    snapshot, subscription = one.subscribe()
    one.publish(ServiceReady(service="ws"))
    assert snapshot is state
    assert [each.seq for each in subscription.take()] == [2]


def test_a_closed_subscription_gets_nothing() -> None:
    one = hub()
    _, subscription = one.subscribe()
    subscription.close()
    one.publish(ServiceReady(service="web"))
    assert subscription.take() == []


def test_a_view_is_woken_once_until_it_looks() -> None:
    one, woken = hub(), []
    _, subscription = one.subscribe(lambda: woken.append(1))
    for _ in range(3):
        one.publish(ServiceReady(service="web"))
    assert len(woken) == 1
    subscription.take()
    one.publish(ServiceReady(service="web"))
    assert len(woken) == 2


def test_a_slow_view_loses_its_oldest_output_and_is_told_how_much() -> None:
    one = hub()
    _, slow = one.subscribe(limit=100)
    _, fast = one.subscribe()
    for number in range(20):
        one.publish(block("web", b"%02d\n" % number * 5))  # 15 bytes, 5 lines
    taken = slow.take()
    lost = [each.event for each in taken if isinstance(each.event, OutputLost)]
    kept = [each.event for each in taken if isinstance(each.event, OutputBlock)]
    assert len(lost) == 1
    assert lost[0].blocks + len(kept) == 20
    assert lost[0].lines == lost[0].blocks * 5
    assert lost[0].bytes == lost[0].blocks * 15
    assert kinds(taken) == ["OutputLost"] + ["OutputBlock"] * len(kept)
    assert kept[-1].data.startswith(b"19")
    assert len(fast.take()) == 20


def test_events_are_never_dropped_and_stay_in_their_place() -> None:
    one = hub()
    _, slow = one.subscribe(limit=50)
    for number in range(10):
        one.publish(block("web", b"x" * 19 + b"\n"))
        one.publish(block("ws", b"y" * 19 + b"\n"))
        if number == 4:
            one.publish(ServiceReady(service="web"))
    taken = slow.take()
    assert kinds(taken).count("ServiceReady") == 1
    assert sorted(each.event.service for each in taken if isinstance(each.event, OutputLost)) == ["web", "ws"]
    assert [each.seq for each in taken] == sorted(each.seq for each in taken)


def test_after_a_loss_was_taken_a_new_one_is_told_anew() -> None:
    one = hub()
    _, slow = one.subscribe(limit=10)
    one.publish(block("web", b"x" * 20))
    first = slow.take()
    one.publish(block("web", b"y"))
    assert kinds(first) == ["OutputLost"]
    assert kinds(slow.take()) == ["OutputBlock"]


def test_two_threads_may_publish_at_once() -> None:
    one = hub()
    _, subscription = one.subscribe()

    def publish() -> None:
        for _ in range(500):
            one.publish(ServiceReady(service="web"))

    threads = [threading.Thread(target=publish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.seq for each in subscription.take()] == list(range(1, 1001))
