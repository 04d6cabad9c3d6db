from __future__ import annotations

from pathlib import Path

import pytest

from app.lifecycle.registry import read_version
from app.lifecycle.train import train
from app.wiring import open_compiled, reference_engine
from scripts.sign_model import main
from test.builders import a_regression_table
from test.model_keys import a_key, private_pem, written

Said = pytest.CaptureFixture[str]


@pytest.fixture
def key(root: Path) -> str:
    registry = root / "model/registry"
    train(
        a_regression_table(),
        name="line",
        registry=registry,
        engine_of=reference_engine,
        open_compiled=open_compiled,
    )
    return str(written(root / "key.pem", private_pem(a_key("trainer"))))


@pytest.mark.parametrize("arguments", [["line"], ["line", "1"]])
def test_a_version_is_signed_and_the_key_is_named(
    root: Path, key: str, capsys: Said, arguments: list[str]
) -> None:
    assert main([*arguments, "--key", key]) == 0

    signature = read_version(root / "model/registry", "line", "1").contract.signature
    assert signature is not None
    said = capsys.readouterr().out
    assert said.startswith(f"line 1 is signed by key {signature.key}\n")
    assert said.endswith("next: .venv/bin/python scripts/promote_model.py line 1 --to dev\n")


def test_nothing_of_the_key_is_printed(key: str, capsys: Said) -> None:
    main(["line", "--key", key])

    said = "".join(capsys.readouterr())
    assert Path(key).read_text().splitlines()[1] not in said
    assert a_key("trainer").private_bytes_raw().hex() not in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["line", "2"], "error: line has no version '2'; there is: 1\n"),
        (["other"], "error: other has no version '?'; there is: none\n"),
    ],
)
def test_what_was_never_stored_is_refused(
    key: str, capsys: Said, arguments: list[str], message: str
) -> None:
    assert main([*arguments, "--key", key]) == 2

    assert capsys.readouterr().err == message


def test_a_key_that_is_none_is_refused(root: Path, key: str, capsys: Said) -> None:
    written(Path(key), b"no key")

    assert main(["line", "--key", "key.pem"]) == 2

    assert capsys.readouterr().err.startswith("error: key.pem: is no private key in PEM. Fix: ")
    assert read_version(root / "model/registry", "line", "1").contract.signature is None
