"""Which held-out rows a candidate is judged by, where signatures count and where they do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.domain.promotion import Gate
from app.errors import ModelRejectedError, RegistryError
from app.lifecycle.heldout import HELD_OUT, held_out_bytes
from app.lifecycle.promote import Change, promote
from app.lifecycle.sign import sign
from app.settings.schema import Settings
from app.wiring.promotion import judge
from test.builders import a_promoted_model, a_regression_table, some_settings
from test.model_keys import a_key, private_pem, public_pem, written

KEY = a_key("trainer")
RULES = {"least_rows": 20}
FORGED = held_out_bytes(a_regression_table(slope=9.0))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """``line`` 2 is on dev, 1 wants its place; signatures do not count."""
    settings = some_settings(tmp_path, promotion=RULES)
    for slope in (2.0, 1.0):
        a_promoted_model(settings, a_regression_table(slope=slope))
    return settings


@pytest.fixture
def signing(settings: Settings) -> Settings:
    """The same where they count, and both versions are signed."""
    return signed(settings)


def signed(settings: Settings) -> Settings:
    private = written(settings.root / "private.pem", private_pem(KEY))
    public = written(settings.root / "public.pem", public_pem(KEY))
    registry = settings.path("model/registry")
    for version in ("1", "2"):
        sign(registry, "line", version, key_file=private)
    promote(settings.path("model"), registry, "line", "2", stage="dev")
    keys = {"model_keys": [public.name]}
    return some_settings(settings.root, promotion=RULES, security=keys)


def candidate(settings: Settings) -> Path:
    return settings.path("model/registry/line/1")


def changed(settings: Settings, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the candidate's contract."""
    file = candidate(settings) / "manifest.json"
    members = json.loads(file.read_bytes())
    change(members)
    file.write_text(json.dumps(members))


def better(settings: Settings) -> Gate:
    found = judge(settings, "line", "1", stage="dev", change=Change())
    return next(gate for gate in found.decision.gates if gate.name == "better")


def test_a_candidate_is_judged_by_the_rows_that_its_signature_covers(signing: Settings) -> None:
    assert better(signing).numbers["n_rows"] == 20


def test_rows_that_were_swapped_after_the_signature_judge_nobody(signing: Settings) -> None:
    (candidate(signing) / HELD_OUT).write_bytes(FORGED)

    with pytest.raises(RegistryError, match=r"line/1/heldout\.npz: is not the file that"):
        better(signing)


def test_rows_that_were_removed_do_not_spare_a_candidate_its_gates(signing: Settings) -> None:
    (candidate(signing) / HELD_OUT).unlink()

    with pytest.raises(RegistryError, match=r"line/1/heldout\.npz: is missing"):
        better(signing)


def test_a_contract_that_was_changed_to_name_no_rows_is_refused(signing: Settings) -> None:
    changed(signing, lambda it: it.pop("held_out"))

    with pytest.raises(ModelRejectedError, match="was changed after key"):
        better(signing)


def test_rows_that_no_signature_covers_are_not_believed(settings: Settings) -> None:
    changed(settings, lambda it: it.pop("held_out"))
    (candidate(settings) / HELD_OUT).write_bytes(FORGED)

    gate = better(signed(settings))

    assert (gate.outcome, gate.sentence) == ("skipped", "no held-out rows are stored")


def test_without_keys_rows_from_before_contracts_named_them_are_believed(
    settings: Settings,
) -> None:
    changed(settings, lambda it: it.pop("held_out"))

    assert better(settings).numbers["n_rows"] == 20
