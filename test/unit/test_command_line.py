from __future__ import annotations

import pytest

from app.command_line import run
from app.errors import (
    ModelRejectedError,
    OperatorError,
    RegistryError,
    SettingsError,
    TrainingDataError,
)


@pytest.mark.parametrize("status", [0, 1, 2])
def test_the_status_of_a_command_is_handed_on(status: int) -> None:
    assert run(lambda: status) == status


@pytest.mark.parametrize(
    "kind",
    [OperatorError, SettingsError, RegistryError, TrainingDataError, ModelRejectedError],
)
def test_an_operators_mistake_is_one_message_and_status_2(
    kind: type[OperatorError], capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> int:
        raise kind("what is wrong")

    assert run(command) == 2
    assert capsys.readouterr() == ("", "error: what is wrong\n")


def test_a_defect_is_no_operators_mistake() -> None:
    def command() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(command)


def test_ctrl_c_is_one_message_and_status_130(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        raise KeyboardInterrupt

    assert run(command) == 130
    assert capsys.readouterr() == ("", "interrupted\n")
