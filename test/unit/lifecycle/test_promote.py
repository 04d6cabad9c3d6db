from __future__ import annotations

import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from app.adapters.kept_models import KeptModels
from app.adapters.model_files import MANIFEST
from app.adapters.model_signatures import ModelSignatures
from app.adapters.null import NullMetrics
from app.adapters.promoted_models import PromotedModels
from app.domain.contract import Contract
from app.domain.rows import RowReader
from app.errors import RegistryError, StageChangedError
from app.lifecycle import history, traffic
from app.lifecycle.promote import Change, Promotion, promote
from app.lifecycle.registry import read_folder
from app.lifecycle.retire import retire
from app.lifecycle.stages import CANDIDATE, locked
from app.lifecycle.train import train
from app.wiring import open_compiled, open_estimator, reference_engine
from test.builders import a_regression_table
from test.unit.lifecycle.test_rollback import three_versions

BACK_AND_FORTH = """
import sys
from pathlib import Path
from app.lifecycle.promote import promote
models = Path(sys.argv[1])
for turn in range(int(sys.argv[2])):
    promote(models, models / "registry", "line", str(1 + turn % 2), stage="dev")
"""
WHEN_TOLD = """
import sys
from pathlib import Path
from app.errors import StageChangedError
from app.lifecycle.promote import promote
models = Path(sys.argv[1])
for _ in iter(sys.stdin.readline, ""):
    try:
        promote(models, models / "registry", "line", sys.argv[2], stage="dev")
        print("done", flush=True)
    except StageChangedError as error:
        print(error, flush=True)
"""
HOLD = """
import sys, time
from pathlib import Path
from app.lifecycle.stages import locked
with locked(Path(sys.argv[1]), "ann"):
    print("held", flush=True)
    time.sleep(60)
"""


def a_version(models: Path, name: str = "line", *, slope: float = 2.0) -> Contract:
    table = a_regression_table(slope=slope)
    contract, _ = train(
        table,
        name=name,
        registry=models / "registry",
        engine_of=reference_engine,
        open_compiled=open_compiled,
    )
    return contract


def promoted(
    models: Path,
    name: str = "line",
    version: str | None = None,
    *,
    stage: str = "dev",
    change: Change | None = None,
) -> Promotion:
    return promote(models, models / "registry", name, version, stage=stage, change=change)


def reader(models: Path) -> PromotedModels:
    return PromotedModels(
        path=models / "dev" / "model.joblib",
        name=None,
        kept=KeptModels(models / "kept", models / "dev" / "model.joblib", MANIFEST),
        reader_of=lambda contract: RowReader(
            contract, min_value=-1e6, max_value=1e6, nan_replacement=0.0, max_rows=10
        ),
        open_estimator=open_estimator,
        signatures=ModelSignatures(),
        metrics=NullMetrics(),
        retries=9,
        retry_delay_seconds=0.001,
        max_wait_seconds=0.25,
        bare_sha256=None,
        accepts_bare=False,
        n_features=None,
    )


@pytest.mark.parametrize("stage", ["dev", "staging", "production"])
def test_a_version_is_promoted_to_each_stage(tmp_path: Path, stage: str) -> None:
    contract = a_version(tmp_path)

    done = promoted(tmp_path, version="1", stage=stage)

    assert done == Promotion(contract, tmp_path / stage / "model.joblib", is_default=True)
    assert read_folder(tmp_path / stage).contract == contract


def test_a_stage_holds_the_files_of_a_version_and_nothing_else(tmp_path: Path) -> None:
    a_version(tmp_path)

    for _ in range(2):
        promoted(tmp_path)

    names = {file.name for file in (tmp_path / "dev").iterdir()}
    assert names == {"model.joblib", "linear.npz", "manifest.json", "history.jsonl", ".lock"}
    assert {folder.name for folder in tmp_path.iterdir()} == {"registry", "dev"}


def test_without_a_version_the_newest_is_promoted(tmp_path: Path) -> None:
    for _ in range(10):
        a_version(tmp_path)

    assert promoted(tmp_path).contract.version == "10"


def test_an_older_version_rolls_back(tmp_path: Path) -> None:
    old, _ = a_version(tmp_path, slope=2.0), a_version(tmp_path, slope=3.0)
    promoted(tmp_path, version="2")

    promoted(tmp_path, version="1")

    assert reader(tmp_path).load().contract == old


def test_another_name_stands_beside_the_default(tmp_path: Path) -> None:
    first, other = a_version(tmp_path), a_version(tmp_path, "other")
    promoted(tmp_path)

    done = promoted(tmp_path, "other")

    assert done == Promotion(other, tmp_path / "dev/other/model.joblib", is_default=False)
    assert read_folder(tmp_path / "dev").contract == first


def test_a_new_version_of_the_default_takes_its_place(tmp_path: Path) -> None:
    a_version(tmp_path)
    a_version(tmp_path, "other")
    for name in ("line", "other"):
        promoted(tmp_path, name)
    newer = a_version(tmp_path, slope=3.0)

    assert promoted(tmp_path).is_default
    assert read_folder(tmp_path / "dev").contract == newer


def test_a_damaged_default_gives_its_place_to_nobody_else(tmp_path: Path) -> None:
    for name in ("line", "other"):
        a_version(tmp_path, name)
    promoted(tmp_path)
    (tmp_path / "dev" / "model.joblib").write_bytes(b"damaged")

    assert not promoted(tmp_path, "other").is_default


def test_promotion_mends_a_damaged_default(tmp_path: Path) -> None:
    contract = a_version(tmp_path)
    promoted(tmp_path)
    (tmp_path / "dev" / "model.joblib").write_bytes(b"damaged")

    promoted(tmp_path)

    assert reader(tmp_path).load().contract == contract


def test_an_engine_of_the_version_before_is_swept_up(tmp_path: Path) -> None:
    contract = a_version(tmp_path)
    promoted(tmp_path)
    (tmp_path / "dev" / "forest.npz").write_bytes(b"of another version")

    promoted(tmp_path)

    assert not (tmp_path / "dev" / "forest.npz").exists()
    assert reader(tmp_path).load().contract == contract


def test_a_version_with_a_damaged_engine_is_refused(tmp_path: Path) -> None:
    a_version(tmp_path)
    (tmp_path / "registry/line/1/linear.npz").write_bytes(b"damaged")

    with pytest.raises(RegistryError, match=r"linear\.npz: is not the file that its contract"):
        promoted(tmp_path)


def test_what_a_killed_promotion_left_is_swept_up(tmp_path: Path) -> None:
    a_version(tmp_path)
    (tmp_path / "dev" / ".new").mkdir(parents=True)
    (tmp_path / "dev" / ".new" / "manifest.json").write_bytes(b"half")

    promoted(tmp_path)

    assert not (tmp_path / "dev" / ".new").exists()


def test_a_candidate_whose_end_was_cut_off_goes_with_its_promotion(tmp_path: Path) -> None:
    three_versions(tmp_path, "1")
    split = traffic.split_of("line", "2", mode="canary", share=0.5)
    traffic.start(tmp_path, tmp_path / "registry", split, stage="dev")
    (tmp_path / "dev" / CANDIDATE / traffic.TRAFFIC).unlink()

    promoted(tmp_path, version="2")

    assert not (tmp_path / "dev" / CANDIDATE).exists()


DAMAGED = [
    pytest.param(b"{}", id="names nobody"),
    pytest.param(b"", id="empty"),
    pytest.param(b"\xff", id="no text"),
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_default_with_a_damaged_contract_keeps_its_place(tmp_path: Path, content: bytes) -> None:
    for name in ("line", "other"):
        a_version(tmp_path, name)
    promoted(tmp_path)
    (tmp_path / "dev" / "manifest.json").write_bytes(content)

    fix = "dev/manifest.json is damaged, so other cannot .* Fix: promote line again, or remove"
    with pytest.raises(RegistryError, match=fix):
        promoted(tmp_path, "other")

    assert not (tmp_path / "dev" / "other").exists()
    assert promoted(tmp_path).is_default
    assert not promoted(tmp_path, "other").is_default


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_contract_of_which_nothing_is_known_has_to_go_first(
    tmp_path: Path, content: bytes
) -> None:
    a_version(tmp_path)
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "manifest.json").write_bytes(content)

    with pytest.raises(RegistryError, match="remove that file, which frees the default's place"):
        promoted(tmp_path)

    (tmp_path / "dev" / "manifest.json").unlink()
    assert promoted(tmp_path).is_default


def test_beside_a_damaged_default_others_are_still_promoted(tmp_path: Path) -> None:
    for name in ("line", "other", "other"):
        a_version(tmp_path, name)
    promoted(tmp_path)
    promoted(tmp_path, "other", "1")
    (tmp_path / "dev" / "manifest.json").write_bytes(b"{")

    done = promoted(tmp_path, "other", "2")

    assert (done.path, done.before) == (tmp_path / "dev/other/model.joblib", "1")


def test_the_place_of_a_damaged_contract_is_not_free(tmp_path: Path) -> None:
    a_version(tmp_path)
    promoted(tmp_path)
    (tmp_path / "dev" / "manifest.json").write_bytes(b"{")

    with pytest.raises(StageChangedError, match="version 1 is there"):
        promoted(tmp_path, change=Change(replaces="none"))


@pytest.mark.parametrize("stage", ["", "prod", "Production", "../dev"])
def test_an_unknown_stage_is_refused(tmp_path: Path, stage: str) -> None:
    a_version(tmp_path)

    with pytest.raises(RegistryError, match="is no stage; there is: dev, staging, production"):
        promoted(tmp_path, stage=stage)


@pytest.mark.parametrize("version", ["2", "0", "newest", "../1", None])
def test_an_unknown_version_is_refused(tmp_path: Path, version: str | None) -> None:
    with pytest.raises(RegistryError, match=r"line has no version .*; there is: none"):
        promoted(tmp_path, version=version)


@pytest.mark.parametrize("name", ["", "..", "Line", "production"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RegistryError, match="is no model name"):
        promoted(tmp_path, name)


def test_a_damaged_version_is_refused_and_the_stage_stays(tmp_path: Path) -> None:
    good = a_version(tmp_path)
    promoted(tmp_path)
    a_version(tmp_path)
    with (tmp_path / "registry/line/2/model.joblib").open("ab") as file:
        file.write(b"\0")

    with pytest.raises(RegistryError, match="is not the file that its contract names"):
        promoted(tmp_path, version="2")

    assert reader(tmp_path).load().contract == good


def test_a_stage_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    a_version(tmp_path)
    (tmp_path / "dev").write_text("in the way")

    with pytest.raises(RegistryError, match="dev: cannot be written"):
        promoted(tmp_path)


@pytest.mark.no_cover
def test_a_reader_never_sees_half_a_promotion(tmp_path: Path) -> None:
    source, row = reader(tmp_path), np.array([[1.0, 0.0]])
    expected, seen = {}, set()
    for slope in (2.0, 30.0):
        version = a_version(tmp_path, slope=slope).version
        promoted(tmp_path, version=version)
        expected[version] = source.load().engine.predict(row).predictions[0]

    command = [sys.executable, "-c", BACK_AND_FORTH, str(tmp_path), "150"]
    with subprocess.Popen(command) as writer:
        while writer.poll() is None:
            model = source.load()
            seen.add((model.contract.version, model.engine.predict(row).predictions[0]))

    assert writer.returncode == 0
    assert seen == set(expected.items())


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(tmp_path: Path) -> None:
    digests = {
        version: a_version(tmp_path, slope=slope).artefact.sha256
        for version, slope in (("1", 2.0), ("2", 30.0))
    }
    writers = {
        version: subprocess.Popen(
            [sys.executable, "-c", WHEN_TOLD, str(tmp_path), version],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for version in digests
    }
    n_done = 0

    for _ in range(60):
        for writer in writers.values():
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        said = {version: (it.stdout or sys.stdin).readline() for version, it in writers.items()}
        winners = [version for version, line in said.items() if line == "done\n"]
        n_done += len(winners)
        assert winners
        for version in set(said) - set(winners):
            assert "is changing this stage" in said[version] or "somebody else" in said[version]
        there = read_folder(tmp_path / "dev").contract
        assert there.version in winners
        assert there.artefact.sha256 == digests[there.version]

    for writer in writers.values():
        writer.communicate(timeout=60)
    assert len(history.read(tmp_path / "dev")) == n_done


def test_a_promotion_that_began_before_another_ended_is_told(tmp_path: Path) -> None:
    for _ in range(3):
        a_version(tmp_path)
    promoted(tmp_path, version="1")
    promoted(tmp_path, version="2", change=Change(who="ann", replaces="1"))

    with pytest.raises(StageChangedError, match=r"version 2 is there by ann at .* replace 1\."):
        promoted(tmp_path, version="3", change=Change(replaces="1"))

    assert read_folder(tmp_path / "dev").contract.version == "2"


def test_a_free_place_can_be_meant(tmp_path: Path) -> None:
    a_version(tmp_path)

    assert promoted(tmp_path, change=Change(replaces="none")).before is None
    with pytest.raises(StageChangedError, match=r"version 1 is there by .* meant to replace none"):
        promoted(tmp_path, change=Change(replaces="none"))


def test_a_promotion_does_not_wait_for_another_and_says_who_holds_the_stage(tmp_path: Path) -> None:
    a_version(tmp_path)
    promoted(tmp_path)

    with (
        locked(tmp_path / "dev", "ann@here"),
        pytest.raises(StageChangedError, match=r"ann@here \(process \d+, since .*is changing this"),
    ):
        promoted(tmp_path)

    promoted(tmp_path)


def test_a_stage_is_free_again_when_its_holder_was_killed(tmp_path: Path) -> None:
    a_version(tmp_path)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "dev")], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(StageChangedError, match="ann"):
        promoted(tmp_path)
    holder.kill()
    holder.communicate()

    assert promoted(tmp_path).contract.version == "1"


def test_each_promotion_is_written_into_the_history_of_its_stage(tmp_path: Path) -> None:
    one, two = a_version(tmp_path, slope=2.0), a_version(tmp_path, slope=3.0)
    promoted(tmp_path, version="1")
    promoted(tmp_path, version="2", change=Change(who="ann", why="better"))

    first, second = history.read(tmp_path / "dev")

    assert (first.before, first.to, first.sha256) == (None, "1", one.artefact.sha256)
    assert (second.before, second.to, second.sha256) == ("1", "2", two.artefact.sha256)
    assert (second.who, second.why, second.action) == ("ann", "better", "promote")
    assert first.who == history.whoami()
    assert history.read(tmp_path / "staging") == []


def test_what_came_without_a_record_is_recorded_before_it_goes(tmp_path: Path) -> None:
    for _ in range(2):
        a_version(tmp_path)
    promoted(tmp_path, version="1")
    (tmp_path / "dev" / "history.jsonl").unlink()

    promoted(tmp_path, version="2")

    entries = history.read(tmp_path / "dev")
    assert [(it.action, it.to) for it in entries] == [("found", "1"), ("promote", "2")]


def test_a_retired_version_is_never_promoted(tmp_path: Path) -> None:
    for _ in range(2):
        a_version(tmp_path)
    retire(tmp_path, tmp_path / "registry", "line", "2", "wrong rows")

    with pytest.raises(RegistryError, match="line 2 is retired and cannot be promoted: wrong rows"):
        promoted(tmp_path, version="2")

    assert promoted(tmp_path).contract.version == "1"


def test_a_version_that_is_retired_until_the_stage_is_held_is_not_promoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_versions(tmp_path, "1")

    def late(stage: Path, who: str) -> AbstractContextManager[None]:
        retire(tmp_path, tmp_path / "registry", "line", "2", "wrong rows")
        return locked(stage, who)

    monkeypatch.setattr("app.lifecycle.promote.locked", late)

    with pytest.raises(RegistryError, match="line 2 is retired and cannot be promoted: wrong rows"):
        promoted(tmp_path, version="2")

    assert read_folder(tmp_path / "dev").contract.version == "1"


@pytest.mark.parametrize(
    ("why", "message"),
    [
        ("\udcff", r"cannot be printed, '\\udcff'"),
        ("red \x1b[31m", r"cannot be printed, '\\x1b'"),
        ("two\nlines", r"cannot be printed, '\\n'"),
        ("x" * 501, "has 501 characters; at most 500 fit"),
    ],
    ids=["no UTF-8", "an escape", "two lines", "too long"],
)
def test_a_reason_that_cannot_be_kept_is_refused_before_anything_changes(
    tmp_path: Path, why: str, message: str
) -> None:
    a_version(tmp_path)

    with pytest.raises(RegistryError, match=message):
        promote(tmp_path, tmp_path / "registry", "line", "1", stage="dev", change=Change(why=why))

    assert not (tmp_path / "dev").exists()
