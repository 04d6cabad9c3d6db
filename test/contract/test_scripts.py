"""Every command line helps with an example, and tells a mistake from a crash."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from app.settings.overlay import PROJECT

SCRIPTS = sorted(file.stem for file in (PROJECT / "scripts").glob("[!_]*.py"))
WITHOUT_ARGUMENTS = {"first_model"}


@pytest.fixture(params=[name for name in SCRIPTS if name not in WITHOUT_ARGUMENTS])
def script(request: pytest.FixtureRequest) -> ModuleType:
    return import_module(f"scripts.{request.param}")


def test_help_has_an_example_that_names_the_script(
    script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        script.main(["--help"])

    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert "example" in said.lower()
    assert Path(script.__file__ or "").name in said[said.lower().index("example") :]


def test_an_option_that_is_not_there_is_a_mistake(
    script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        script.main(["--nonsense"])

    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
