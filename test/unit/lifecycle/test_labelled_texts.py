from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import TrainingDataError
from app.lifecycle.labelled_texts import from_texts


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "My Tweets"
    folder.mkdir()
    (folder / "text.txt").write_text(
        "".join(f"tweet\u2028number {n}\n" for n in range(40)), "utf-8"
    )
    (folder / "labels.txt").write_text("0\n1\n" * 20)
    return folder


def test_a_folder_of_texts_is_read_line_by_line(texts: Path) -> None:
    table = from_texts(texts)

    assert (table.name, table.input, table.features.shape) == ("my-tweets", "texts", (40, 1))
    assert table.features[39, 0] == "tweet\u2028number 39"
    assert table.target is not None
    assert table.target[:2].tolist() == ["0", "1"]


def test_labels_get_the_names_of_the_mapping(texts: Path) -> None:
    (texts / "mapping.txt").write_text("0\tbad\n1\tgood\n")

    target = from_texts(texts).target

    assert target is not None
    assert target[:2].tolist() == ["bad", "good"]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("labels.txt", "0\n1\n", "text.txt has 40 lines and labels.txt 2; each text needs its"),
        ("labels.txt", "0\n" * 39 + "2\n", r"labels\.txt: line 40: '2' is none of 0, 1"),
        ("labels.txt", "0\n" * 40, r"labels\.txt: needs two classes or more"),
        ("mapping.txt", "0 bad\n1\tgood\n", r"mapping\.txt: line 1: needs a label, a tab and a"),
        ("text.txt", None, r"text\.txt: cannot be read: .*No such file"),
    ],
    ids=["too-few-labels", "unknown-label", "one-class", "no-tab", "no-file"],
)
def test_a_folder_whose_files_do_not_fit_is_refused(
    texts: Path, file: str, content: str | None, message: str
) -> None:
    (texts / "mapping.txt").write_text("0\tbad\n1\tgood\n")
    (texts / file).unlink()
    if content is not None:
        (texts / file).write_text(content)

    with pytest.raises(TrainingDataError, match=message):
        from_texts(texts)


def test_too_few_texts_are_refused(texts: Path) -> None:
    (texts / "text.txt").write_text("a\nb\n")
    (texts / "labels.txt").write_text("0\n1\n")

    with pytest.raises(TrainingDataError, match="has 2 texts; 20 are needed"):
        from_texts(texts)
