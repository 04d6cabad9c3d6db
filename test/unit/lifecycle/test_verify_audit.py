from __future__ import annotations

from app.adapters.audit.key import judge
from app.lifecycle.verify_audit import verify_audit
from test.audit_parts import MemoryLog, a_log


def said(log: MemoryLog, **anchors: str) -> tuple[int, list[str]]:
    lines: list[str] = []
    heads = {int(number.removeprefix("head_")): digest for number, digest in anchors.items()}
    return verify_audit(log, judge([log.key.public]), lines.append, heads), lines


def test_what_was_checked_is_said() -> None:
    log = a_log()

    assert said(log) == (
        0,
        [
            "checked: 11 records of 2 writers, 6 heads",
            "time: 2027-01-15T08:00:01Z to 2027-01-15T08:00:03Z",
            f"newest head: number 6, digest {log.signed[-1].digest()}",
            "2 records since the last signed head: their chain holds them only",
            "no faults",
        ],
    )


def test_each_fault_is_said_and_counted() -> None:
    log = a_log()
    del log.kept[1]

    n_faults, lines = said(log)

    assert n_faults == 1
    assert (lines[0], lines[-1]) == ("removed: record 2 of writer a", "1 fault")


def test_a_log_without_a_head_was_emptied() -> None:
    assert said(MemoryLog()) == (
        1,
        [
            "missing head: every one: a log begins with a head",
            "checked: 0 records of 0 writers, 0 heads",
            "0 records since the last signed head: their chain holds them only",
            "1 fault",
        ],
    )


def test_a_head_that_was_logged_must_be_there() -> None:
    log = a_log()
    newest = log.signed[-1]
    assert said(log, head_6=newest.digest())[0] == 0

    log.signed.remove(newest)
    log.kept[:] = [record for record in log.kept if record.writer != newest.writer]

    n_faults, lines = said(log, head_6=newest.digest())
    assert n_faults >= 1
    assert "missing head: head 6, which was logged" in lines


def test_a_head_must_be_the_one_that_was_logged() -> None:
    assert said(a_log(), head_2="0" * 64)[1][0] == "changed: head 2: another one was logged"
