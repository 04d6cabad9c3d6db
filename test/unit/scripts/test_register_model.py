from __future__ import annotations

from pathlib import Path

import joblib
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

from app.lifecycle.registry import read_version, versions
from scripts.register_model import main

Said = pytest.CaptureFixture[str]
MODEL = LinearRegression().fit([[1.0, 2.0], [2.0, 1.0]], [3.0, 4.0])


class Averaging(DummyRegressor):  # type: ignore[misc]  # scikit-learn is untyped
    """A model of somebody's own module."""


@pytest.fixture
def model(root: Path) -> Path:
    joblib.dump(MODEL, root / "Churn Model (1).joblib")
    return root / "Churn Model (1).joblib"


def test_a_model_is_named_after_its_file(root: Path, model: Path) -> None:
    assert main([str(model)]) == 0

    assert versions(root / "model/registry", "churn-model-1") == [1]


def test_a_name_of_ones_own_is_taken(root: Path, model: Path) -> None:
    assert main([str(model), "--name", "mine"]) == 0

    assert versions(root / "model/registry", "mine") == [1]


def test_without_arguments_the_file_of_the_settings_is_registered(root: Path) -> None:
    (root / "model/dev").mkdir(parents=True)
    joblib.dump(MODEL, root / "model/dev/model.joblib")

    assert main([]) == 0

    assert versions(root / "model/registry", "model") == [1]


def test_without_arguments_and_without_that_file_it_is_named(root: Path, capsys: Said) -> None:
    assert main([]) == 2

    expected = f"error: {root}/model/dev/model.joblib: No such file or directory\n"
    assert capsys.readouterr() == ("", expected)


def test_without_a_sample_it_warns_of_changed_answers(model: Path, capsys: Said) -> None:
    main([str(model)])

    assert "without --sample it has no golden rows" in capsys.readouterr().out


def test_a_sample_gives_golden_rows(root: Path, model: Path, capsys: Said) -> None:
    (root / "rows.csv").write_text("a,b\n1,2\n3,4\n")

    assert main([str(model), "--name", "mine", "--sample", "rows.csv"]) == 0

    assert len(read_version(root / "model/registry", "mine", "1").contract.golden.inputs) == 2
    assert "without --sample" not in capsys.readouterr().out


def test_a_model_of_texts_says_what_it_reads(root: Path, capsys: Said) -> None:
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    joblib.dump(model.fit(["all is well", "all is lost"], [1, 0]), root / "mood.joblib")

    assert main(["mood.joblib"]) == 0

    assert "\nreads text text\n" in capsys.readouterr().out


def test_the_input_may_be_said(root: Path, model: Path) -> None:
    assert main([str(model), "--name", "mine", "--input", "table"]) == 0

    assert read_version(root / "model/registry", "mine", "1").contract.input == "table"


@pytest.mark.parametrize("name", ["Upper", "a/b", "..", "production"])
def test_a_name_that_is_none_is_refused(model: Path, capsys: Said, name: str) -> None:
    assert main([str(model), "--name", name]) == 2

    assert capsys.readouterr().err.startswith(f"error: {name!r} is no model name")


def test_a_file_name_without_a_usable_letter_needs_a_name(root: Path, capsys: Said) -> None:
    joblib.dump(MODEL, root / "模型.joblib")

    assert main(["模型.joblib"]) == 2

    assert capsys.readouterr().err.startswith("error: '' is no model name")


def test_the_gateways_list_of_modules_counts_here_too(
    root: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    joblib.dump(Averaging().fit([[1.0]], [2.0]), root / "mine.joblib")

    assert main(["mine.joblib"]) == 2
    assert f"names {__name__}.Averaging, which is not on the list" in capsys.readouterr().err

    monkeypatch.setenv("GATEHOUSE_SECURITY__ALLOWED_MODULES", f'["{__name__}"]')
    assert main(["mine.joblib"]) == 0


def test_a_file_that_is_no_model_is_refused(root: Path, capsys: Said) -> None:
    (root / "text.joblib").write_text("no model")

    assert main(["text.joblib"]) == 2

    assert capsys.readouterr().err.startswith("error: the file cannot be loaded by joblib")
