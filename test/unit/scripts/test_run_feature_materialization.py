from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pyarrow import parquet

from app.adapters.sqlite_features import SqliteFeatures
from app.settings.overlay import PROJECT
from scripts.run_feature_materialization import main
from test.redis_server import running_redis
from test.unit.lifecycle.records import an_order, write_records
from test.unit.scripts.process import environment

Said = pytest.CaptureFixture[str]
DEFINITIONS = """\
views:
  customer:
    entity: customer_id
    source: orders
    features: {n: {aggregate: count}, total: {aggregate: sum, of: amount}}
"""


@pytest.fixture
def project(root: Path) -> Path:
    """A project with two orders of one customer, and features of them."""
    orders = [an_order("customer-7", 1, 2.0), an_order("customer-7", 3, 5.0)]
    write_records(root / "runtime" / "records", orders)
    (root / "features.yaml").write_text(DEFINITIONS)
    return root


def values(root: Path) -> list[object]:
    store = SqliteFeatures(root / "runtime" / "features")
    return [row and [*row] for row in store.look_up(["n", "total"], ["customer-7"]).rows]


def test_features_are_written_as_of_now_and_again_as_of_another_time(
    project: Path, capsys: Said
) -> None:
    assert main([]) == 0
    assert values(project) == [[2.0, 7.0]]
    said = capsys.readouterr()
    assert said.out.startswith("generation 1 in runtime/features: 1 entities as of 20")
    assert "writing customer_id: 1 of 1 entities" in said.err

    assert main(["--as-of", "2026-06-03T01:00+01:00"]) == 0
    assert values(project) == [[1.0, 2.0]]
    assert "1 entities as of 2026-06-03T00:00:00Z" in capsys.readouterr().out


def test_values_that_count_as_0_are_a_warning(project: Path, capsys: Said) -> None:
    write_records(project / "runtime" / "records", [an_order("customer-7", 2, 1e-10)], "small")

    assert main([]) == 0

    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("warning: views.customer.features.total: 1 values of 'orders'")


def test_a_training_set_leaves_the_store_alone(project: Path, capsys: Said) -> None:
    (project / "labels.csv").write_text(
        "customer_id,event_time,label\ncustomer-7,2026-06-03,1\ncustomer-8,2026-06-03,0\n"
    )

    assert main(["--training", "train.parquet", "--spine", "labels.csv"]) == 0

    assert parquet.read_table(project / "train.parquet").to_pydict()["n"] == [1.0, 0.0]
    assert capsys.readouterr().out == "train.parquet: 2 rows\n"
    assert not (project / "runtime" / "features" / "current.json").exists()


@pytest.mark.usefixtures("project")
def test_features_go_to_redis_when_the_settings_name_one(
    capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_redis() as server:
        monkeypatch.setenv("GATEHOUSE_FEATURES__ONLINE_URL", server.url)

        assert main([]) == 0
        with server.connected() as client:
            assert client.exists("gatehouse:features:current") == 1
    assert capsys.readouterr().out.startswith("generation 1 in Redis: 1 entities")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--as-of", "yesterday"], "--as-of: 'yesterday' is no time"),
        (["--as-of", "2999-01-01"], "has not come yet"),
        (["--as-of", "2020-01-01"], "no customer_id has a record up to 2020-01-01T00:00:00Z"),
        (["--definitions", "absent.yaml"], "absent.yaml: cannot be read"),
        (["--records", "absent"], "there are no records of 'orders'"),
        (["--training", "x.csv", "--spine", "s.csv"], "x.csv: is no Parquet"),
        (["--training", "no/x.parquet", "--spine", "s.csv"], "no such folder"),
        (["--training", "x.parquet", "--spine", "s.csv"], "--spine s.csv: IO Error: No files"),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, list) else "",
)
@pytest.mark.usefixtures("project")
def test_a_mistake_is_one_message_with_a_fix(capsys: Said, arguments: list[str], said: str) -> None:
    assert main(arguments) == 2

    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert said in error
    assert "Fix: " in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "arguments",
    [["--training", "x.parquet"], ["--training", "x", "--spine", "s", "--as-of", "2026-01-01"]],
    ids=["no spine", "a time for rows that have one"],
)
@pytest.mark.usefixtures("project")
def test_options_that_do_not_go_together_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_a_killed_materialisation_leaves_what_served_and_the_next_one_cleans_up(
    project: Path,
) -> None:
    folder = project / "runtime" / "features"
    assert main([]) == 0
    many = [an_order(f"customer-{number}", 4, 1.0) for number in range(60_000)]
    write_records(project / "runtime" / "records", many, "many")
    process = subprocess.Popen(
        [sys.executable, str(PROJECT / "scripts/run_feature_materialization.py")],
        cwd=project,
        env=environment(project),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not list(folder.glob(".building-*")):
        assert process.poll() is None
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()

    assert values(project) == [[2.0, 7.0]]
    assert list(folder.glob(".building-*"))
    assert main([]) == 0
    assert values(project) == [[3.0, 8.0]]
    left = sorted(it.name.partition("-")[0] for it in folder.iterdir())
    assert left == [".lock", "current.json", "generation", "generation"]


def test_a_training_set_needs_no_online_store(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "spine.csv").write_text("customer_id,event_time\ncustomer-7,2026-06-05T00:00:00Z\n")
    monkeypatch.setenv("GATEHOUSE_FEATURES__ONLINE_PATH", str(project / "spine.csv" / "x"))

    assert main(["--training", "t.parquet", "--spine", "spine.csv"]) == 0
