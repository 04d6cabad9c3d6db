from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from app.errors import StreamError
from app.lifecycle.progress import Advance
from app.lifecycle.streams.current import CurrentModel
from app.lifecycle.streams.json_lines import Counts, Wanted, rejects_beside, score_lines

SECONDS = 20.0


class Run:
    """Scores ``in.jsonl`` into ``out.jsonl`` of one folder."""

    def __init__(self, folder: Path, model: CurrentModel) -> None:
        self.input, self.output = folder / "in.jsonl", folder / "out.jsonl"
        self.rejects = Path(rejects_beside(str(self.output), folder))
        self.checkpoint = folder / "out.jsonl.checkpoint.json"
        self.model = model

    def __call__(
        self,
        stop: threading.Event | None = None,
        advance: Advance = lambda _: None,
        **changes: Any,
    ) -> Counts:
        wanted = Wanted(
            input=str(self.input),
            output=str(self.output),
            rejects=str(self.rejects),
            follow=False,
            with_probabilities=False,
            most_rows=10,
            max_line_bytes=200,
        )
        stop = stop or threading.Event()
        return score_lines(wanted._replace(**changes), self.model, stop, advance)

    @contextmanager
    def followed(self, **changes: Any) -> Iterator[None]:
        """Follow the input meanwhile."""
        stop = threading.Event()
        failed: list[BaseException] = []

        def work() -> None:
            try:
                self(stop, follow=True, **changes)
            except BaseException as error:  # noqa: BLE001  it is raised where it is seen
                failed.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(SECONDS)
        if failed:
            raise failed[0]

    def ids(self) -> list[int]:
        return [it["id"] for it in read(self.output)]

    def wait_for(self, ids: list[int]) -> None:
        end = time.monotonic() + SECONDS
        while self.ids() != ids and time.monotonic() < end:
            time.sleep(0.02)
        assert self.ids() == ids


def read(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    *lines, _half = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines]


def rows(*ids: int) -> bytes:
    return b"".join(b'{"features": [1, 2], "id": %d}\n' % it for it in ids)


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


@pytest.fixture
def run(tmp_path: Path, current: CurrentModel) -> Run:
    return Run(tmp_path, current)


def test_each_line_is_answered_with_where_it_stands(run: Run) -> None:
    run.input.write_bytes(rows(7) + b"\n" + rows(8))

    assert run() == Counts(answered=2)

    first, second = read(run.output)
    assert (first["id"], first["source"]) == (7, {"line": 1, "offset": 0})
    assert (second["id"], second["source"]) == (8, {"line": 3, "offset": len(rows(7)) + 1})


def test_a_line_that_cannot_be_scored_goes_aside_with_the_reason(run: Run) -> None:
    run.input.write_bytes(rows(1) + b"no JSON\n" + rows(2))

    assert run() == Counts(answered=2, rejected=1)

    [found] = read(run.rejects)
    assert found | {"time": ""} == {
        "reason": "is not JSON: invalid literal, expected 'null' at character 0",
        "source": {"line": 2, "offset": len(rows(1))},
        "bytes": 7,
        "time": "",
        "raw": "no JSON",
    }


def test_bytes_that_are_no_text_are_kept_in_base64(run: Run) -> None:
    run.input.write_bytes(b"\xff\x00caf\xc3\n")

    run()

    [found] = read(run.rejects)
    assert base64.b64decode(found["raw_base64"]) == b"\xff\x00caf\xc3"


def test_a_line_that_is_too_long_is_rejected_by_its_beginning(run: Run) -> None:
    run.input.write_bytes(b"\xc3\xa4" * 50_000 + b"\n" + rows(1))

    assert run(max_line_bytes=201) == Counts(answered=1, rejected=1)

    [found] = read(run.rejects)
    assert (found["reason"], found["bytes"]) == ("is longer than 201 bytes", 100_000)
    assert found["raw"] == "ä" * 100


def test_a_second_run_answers_only_what_is_new(run: Run) -> None:
    run.input.write_bytes(rows(1, 2))
    run()
    append(run.input, rows(3))

    assert run() == Counts(answered=1)

    assert run.ids() == [1, 2, 3]


@pytest.mark.parametrize("first", [rows(1), b"\n"], ids=["a row", "a blank line"])
def test_a_byte_order_mark_before_the_first_line_is_passed_over(run: Run, first: bytes) -> None:
    run.input.write_bytes(b"\xef\xbb\xbf" + first + rows(2))

    assert run().rejected == 0

    assert read(run.output)[-1]["source"] == {"line": 2, "offset": 3 + len(first)}


def test_a_byte_order_mark_within_a_file_is_none(run: Run) -> None:
    run.input.write_bytes(rows(1) + b"\xef\xbb\xbf" + rows(2))

    assert run() == Counts(answered=1, rejected=1)


def test_a_last_line_without_an_end_is_answered_and_again_when_it_has_grown(run: Run) -> None:
    run.input.write_bytes(rows(1) + b'{"features": [1, 2], "id": 2')
    run()
    rejected = len(read(run.rejects))
    append(run.input, b"2}\n")

    run()

    assert rejected == 1
    assert run.ids() == [1, 22]
    assert read(run.rejects) == []


def test_what_was_written_after_the_checkpoint_is_written_anew(run: Run) -> None:
    run.input.write_bytes(rows(*range(30)))
    run()
    early = json.loads(run.checkpoint.read_text())
    first = run.output.read_bytes().split(b"\n")[0] + b"\n"
    early["output_bytes"] = len(first)
    early["place"] |= {"offset": len(rows(0)), "line": 1}
    early["place"]["tail_sha256"] = _sha256(rows(0))
    run.checkpoint.write_text(json.dumps(early))
    append(run.output, b'{"half')

    run()

    assert run.ids() == [*range(30)]


def _sha256(content: bytes) -> str:
    return sha256(content).hexdigest()


def test_an_input_that_is_another_file_is_refused(run: Run) -> None:
    run.input.write_bytes(rows(1))
    run()
    other = run.input.with_name("other")
    other.write_bytes(rows(2))
    other.replace(run.input)

    with pytest.raises(StreamError, match="is not the file that the output's checkpoint"):
        run()


def test_an_input_that_was_written_anew_is_refused(run: Run) -> None:
    run.input.write_bytes(rows(1, 2))
    run()
    run.input.write_bytes(rows(3, 4, 5))

    with pytest.raises(StreamError, match="is not the file"):
        run()


def test_an_output_of_another_input_is_refused(run: Run, tmp_path: Path) -> None:
    run.input.write_bytes(rows(1))
    run()
    (tmp_path / "b.jsonl").write_bytes(rows(1))

    with pytest.raises(StreamError, match=r"holds answers to .*in\.jsonl"):
        run(input=str(tmp_path / "b.jsonl"))


def test_an_output_that_no_checkpoint_explains_is_refused(run: Run) -> None:
    run.input.write_bytes(rows(1))
    run.output.write_bytes(b"mine\n")

    with pytest.raises(StreamError, match="holds something"):
        run()

    assert run.output.read_bytes() == b"mine\n"


def test_an_output_that_became_shorter_is_refused(run: Run) -> None:
    run.input.write_bytes(rows(1))
    run()
    run.output.write_bytes(b"")

    with pytest.raises(StreamError, match="has 0 bytes; its checkpoint says"):
        run()


def test_the_checkpoint_names_the_file_before_the_first_answer(run: Run) -> None:
    run.input.write_bytes(rows(1))
    found = []

    run(advance=lambda _: found.append(json.loads(run.checkpoint.read_text())["place"]))

    assert [it and it["inode"] for it in found] == [run.input.stat().st_ino]


def test_a_checkpoint_that_is_none_is_refused(run: Run) -> None:
    run.input.write_bytes(rows(1))
    run.checkpoint.write_text("{")

    with pytest.raises(StreamError, match="is no checkpoint"):
        run()


@pytest.mark.parametrize("kind", ["absent", "folder"])
def test_an_input_that_is_no_file_is_refused(run: Run, kind: str) -> None:
    if kind == "folder":
        run.input.mkdir()

    with pytest.raises(StreamError, match=r"there is no such file|is no file"):
        run()


def test_an_output_that_somebody_else_writes_is_refused(run: Run) -> None:
    run.input.write_bytes(rows(1))
    with run.followed():
        run.wait_for([1])

        with pytest.raises(StreamError, match="another process writes it"):
            run()


def test_following_waits_for_a_file_and_for_the_end_of_a_line(run: Run) -> None:
    with run.followed():
        append(run.input, rows(1) + b'{"features": [1, ')
        run.wait_for([1])
        append(run.input, b'2], "id": 2}\n')
        run.wait_for([1, 2])

    assert read(run.rejects) == []


def test_following_goes_on_with_the_next_file_after_a_rotation(run: Run) -> None:
    run.input.write_bytes(rows(1))
    old = run.input.with_name("in.jsonl.1")
    with run.followed():
        run.wait_for([1])
        run.input.rename(old)
        append(old, rows(2))  # who writes has not heard of it yet
        append(run.input, rows(3))
        run.wait_for([1, 2, 3])


def test_what_is_left_of_a_file_that_was_rotated_meanwhile_comes_first(run: Run) -> None:
    run.input.write_bytes(rows(1))
    run()
    append(run.input, rows(2))
    run.input.rename(run.input.with_name("in.jsonl.1"))
    append(run.input, rows(3))

    with run.followed():
        run.wait_for([1, 2, 3])


def test_following_starts_again_in_a_file_that_was_cut_off(run: Run) -> None:
    run.input.write_bytes(rows(1, 2))
    with run.followed():
        run.wait_for([1, 2])
        run.input.write_bytes(rows(3))
        run.wait_for([1, 2, 3])


def test_following_stops_and_goes_on_where_it_was(run: Run) -> None:
    run.input.write_bytes(rows(1))
    with run.followed():
        run.wait_for([1])
    append(run.input, rows(2))

    assert run() == Counts(answered=1)
    assert run.ids() == [1, 2]


def test_a_named_pipe_is_read_until_its_writer_ends(run: Run) -> None:
    os.mkfifo(run.input)
    writer = threading.Thread(target=lambda: append(run.input, rows(1, 2)))
    writer.start()

    assert run() == Counts(answered=2)

    writer.join()
    assert not run.checkpoint.exists()


def test_a_named_pipe_that_is_followed_outlives_its_writers(run: Run) -> None:
    os.mkfifo(run.input)
    with run.followed():
        append(run.input, rows(1))
        run.wait_for([1])
        append(run.input, rows(2))
        run.wait_for([1, 2])


def test_from_a_pipe_a_half_line_of_an_earlier_run_is_dropped(run: Run) -> None:
    os.mkfifo(run.input)
    run.output.write_bytes(b'{"id": 1}\n{"id": 2, "pred')
    writer = threading.Thread(target=lambda: append(run.input, rows(3)))
    writer.start()

    run()

    writer.join()
    assert run.ids() == [1, 3]


@pytest.mark.parametrize("own", ["output", "rejects"])
def test_what_is_written_is_not_read_too(run: Run, own: str) -> None:
    path: Path = getattr(run, own)
    path.write_bytes(rows(1))

    with pytest.raises(StreamError, match="would be read and written"):
        run(input=str(path), output="/dev/null" if own == "rejects" else str(path))

    assert path.read_bytes() == rows(1)


def test_a_pipe_does_not_write_what_the_next_run_over_a_file_would_cut_off(run: Run) -> None:
    run.input.write_bytes(rows(1))
    run()
    pipe = run.input.with_name("pipe")
    os.mkfifo(pipe)
    handle = os.open(pipe, os.O_RDWR)

    try:
        with pytest.raises(StreamError, match=r"belongs to .*checkpoint\.json"):
            run(input=str(pipe))
    finally:
        os.close(handle)


def test_a_checkpoint_that_cannot_be_written_is_told_of_and_nothing_comes_twice(run: Run) -> None:
    run.input.write_bytes(rows(1, 2))
    before = b""

    def in_the_way(_: int) -> None:
        nonlocal before
        before = run.checkpoint.read_bytes()
        run.checkpoint.unlink()
        run.checkpoint.mkdir()

    with pytest.raises(StreamError, match=r"checkpoint\.json: cannot be written: Is a directory"):
        run(advance=in_the_way)
    run.checkpoint.rmdir()
    run.checkpoint.write_bytes(before)
    run()

    assert run.ids() == [1, 2]


def test_a_full_disk_is_told_of_in_one_sentence(run: Run) -> None:
    run.input.write_bytes(rows(1))

    with pytest.raises(StreamError, match="/dev/full: cannot be written: No space left"):
        run(output="/dev/full")


@pytest.mark.parametrize("name", ["-", "x/out.jsonl"])
def test_rejects_lie_beside_the_output(name: str) -> None:
    expected = {"-": "runtime/stdout.rejects.jsonl", "x/out.jsonl": "x/out.jsonl.rejects.jsonl"}

    assert rejects_beside(name, Path("runtime")) == expected[name]
