from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from test.adapters.issuer import (
    Issuer,
    answers,
    issuing,
    says,
)
from test.adapters.remote import COOLDOWN, MAX_AGE, Remote
from test.key_pairs import a_jwk, a_jwks


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as found:
        found.document = a_jwks(a_jwk("first"))
        yield found


def test_the_first_question_fetches_and_waits(issuer: Issuer) -> None:
    remote = Remote(issuer.url)

    assert [remote.is_loaded, remote.kids(), remote.is_loaded] == [False, ["first"], True]
    assert issuer.fetches == ["/keys?v=1"]


def test_fresh_keys_are_not_fetched_again(issuer: Issuer) -> None:
    remote = Remote(issuer.url)
    remote.current()

    remote.clock += MAX_AGE - 1
    remote.current()

    assert len(issuer.fetches) == 1


def test_old_keys_are_fetched_behind_the_back_of_who_asks(issuer: Issuer) -> None:
    remote = Remote(issuer.url)
    remote.current()
    may_answer = threading.Event()

    def hesitate(issuer: Issuer, handler: BaseHTTPRequestHandler) -> None:
        assert may_answer.wait(10)
        answers(issuer, handler)

    issuer.document, issuer.behaves = a_jwks(a_jwk("second")), hesitate
    remote.clock += MAX_AGE

    assert remote.kids() == ["first"]
    may_answer.set()
    assert remote.finish().kids() == ["second"]
    assert remote.outcomes.seen == ["changed", "changed"]


def test_a_withdrawn_key_does_not_hold_once_more_after_a_long_silence(issuer: Issuer) -> None:
    remote = Remote(issuer.url)
    remote.current()
    issuer.document = a_jwks()

    remote.clock += 2 * MAX_AGE

    assert remote.kids() == []


def test_a_missing_key_is_looked_for_once_a_cooldown(issuer: Issuer) -> None:
    remote = Remote(issuer.url)
    remote.current()
    issuer.document = a_jwks(a_jwk("first"), a_jwk("second"))

    early = [remote.look_again() for _ in range(50)]
    remote.clock += COOLDOWN
    late = [remote.look_again() for _ in range(50)]

    assert (early.count(True), late.count(True)) == (0, 1)
    assert len(issuer.fetches) == 2
    assert remote.kids() == ["first", "second"]


def test_a_storm_of_unknown_keys_is_one_fetch_and_holds_up_one_thread(issuer: Issuer) -> None:
    remote = Remote(issuer.url)
    remote.current()
    may_answer = threading.Event()

    def hesitate(issuer: Issuer, handler: BaseHTTPRequestHandler) -> None:
        assert may_answer.wait(10)
        answers(issuer, handler)

    issuer.behaves = hesitate
    remote.clock += COOLDOWN
    patient = threading.Thread(target=remote.look_again)
    patient.start()
    while remote._fetching is None or len(issuer.fetches) < 2:
        time.sleep(0.001)
    remote.clock += COOLDOWN

    assert [remote.look_again() for _ in range(100)] == [False] * 100
    may_answer.set()
    patient.join()
    assert len(issuer.fetches) == 2


def test_after_a_failure_the_next_try_comes_after_the_cooldown(issuer: Issuer) -> None:
    remote = Remote(issuer.url)
    issuer.behaves = says(b"", 503)

    assert remote.kids() == []
    assert not remote.is_loaded
    issuer.behaves = answers
    remote.clock += COOLDOWN
    remote.current()

    assert remote.finish().kids() == ["first"]


def test_while_another_thread_begins_a_fetch_nobody_else_does(issuer: Issuer) -> None:
    remote = Remote(issuer.url)

    with remote._starting.turn():
        assert not remote.look_again()
    assert issuer.fetches == []


def test_the_same_keys_again_are_no_change(issuer: Issuer) -> None:
    remote = Remote(issuer.url)
    before = remote.current()
    issuer.document = json.dumps(json.loads(issuer.document), indent=1).encode()
    remote.clock += MAX_AGE
    remote.current()

    assert remote.finish().current() == before
    assert remote.outcomes.seen == ["changed", "unchanged"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_fetches_although_its_parent_was_fetching_when_it_was_forked(
    issuer: Issuer,
) -> None:
    may_answer = threading.Event()

    def first_hesitates(issuer: Issuer, handler: BaseHTTPRequestHandler) -> None:
        if len(issuer.fetches) == 1:
            may_answer.wait(10)
        answers(issuer, handler)

    issuer.behaves = first_hesitates
    remote = Remote(issuer.url, fetch_seconds=5.0)
    asking = threading.Thread(target=remote.current)
    asking.start()
    while not issuer.fetches:
        time.sleep(0.001)
    pid = os.fork()
    if pid == 0:
        remote.clock += COOLDOWN
        os._exit(0 if remote.look_again() and remote.kids() == ["first"] else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    may_answer.set()
    asking.join()
