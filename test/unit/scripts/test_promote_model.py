from __future__ import annotations

from pathlib import Path

import pytest

from app.lifecycle.registry import read_folder
from app.lifecycle.train import train
from app.wiring import open_compiled, reference_engine
from scripts.promote_model import main
from test.builders import a_regression_table

Said = pytest.CaptureFixture[str]


def stored(root: Path, *names: str) -> None:
    for name in names:
        train(
            a_regression_table(),
            name=name,
            registry=root / "model/registry",
            engine_of=reference_engine,
            open_compiled=open_compiled,
        )


def on(root: Path, stage: str) -> tuple[str, str]:
    contract = read_folder(root / "model" / stage).contract
    return contract.name, contract.version


@pytest.mark.parametrize("stage", ["dev", "staging", "production"])
def test_a_version_goes_to_the_stage_that_is_named(root: Path, stage: str) -> None:
    stored(root, "line", "line")

    assert main(["line", "1", "--to", stage]) == 0

    assert on(root, stage) == ("line", "1")


def test_without_a_version_the_newest_goes(root: Path) -> None:
    stored(root, "line", "line")

    assert main(["line"]) == 0

    assert on(root, "dev") == ("line", "2")


def test_without_arguments_the_newest_default_model_goes_to_this_environments_stage(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(root, "diabetes")
    monkeypatch.setenv("APP_ENV", "prod")
    monkeypatch.setenv("JWT_SECRET", "5f0c2b7e9d3a41866cb9e07f12d8a34b")

    assert main([]) == 0

    assert on(root, "production") == ("diabetes", "1")


def test_an_older_version_rolls_back(root: Path) -> None:
    stored(root, "line", "line")
    main(["line", "2"])

    main(["line", "1"])

    assert on(root, "dev") == ("line", "1")


def test_a_model_beside_the_default_is_said_to_be_so(root: Path, capsys: Said) -> None:
    stored(root, "line", "other")
    main(["line"])
    capsys.readouterr()

    assert main(["other"]) == 0

    said = capsys.readouterr().out
    assert said.startswith(f"other 1 is promoted: {root}/model/dev/other/model.joblib\n")
    assert "it answers at /api/v1/models/" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["line", "3"], "error: line has no version '3'; there is: 1\n"),
        (["nobody"], "error: nobody has no version '?'; there is: none\n"),
        (["../line"], "error: '../line' is no model name"),
    ],
)
def test_what_was_never_stored_is_refused(
    root: Path, capsys: Said, arguments: list[str], message: str
) -> None:
    stored(root, "line")

    assert main(arguments) == 2

    assert capsys.readouterr().err.startswith(message)


def test_a_damaged_version_is_refused(root: Path, capsys: Said) -> None:
    stored(root, "line")
    (root / "model/registry/line/1/model.joblib").write_bytes(b"damaged")

    assert main(["line", "1"]) == 2

    assert "is not the file that its contract names" in capsys.readouterr().err


def test_an_unknown_stage_is_refused(root: Path, capsys: Said) -> None:
    stored(root, "line")

    with pytest.raises(SystemExit) as ended:
        main(["line", "1", "--to", "prod"])

    assert ended.value.code == 2
    assert "invalid choice: 'prod'" in capsys.readouterr().err
