from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from app.lifecycle.partitions import records_glob, sources
from app.settings.overlay import PROJECT
from scripts.generate_synthetic_features import main as generate
from scripts.run_ingestion_validation import main
from test.builders import a_promoted_model, some_settings
from test.e2e.calls import until
from test.unit.scripts.process import environment, run_script

SCRIPT = "scripts/run_ingestion_validation.py"
HEADER = "customer_id,event_time,amount,items,channel,is_member,discount,spend_next_30d\n"
GOOD = "customer-1,2026-11-20T08:00:00Z,1,1,web,true,,5\n"
BAD = "customer-2,2026-11-20T08:00:00Z,-1,1,web,true,,5\n"


def n_records(root: Path, source: str = "transactions") -> int:
    pattern = records_glob(root / "runtime" / "records", source)
    found = duckdb.execute("SELECT count(*) FROM read_parquet(?)", [pattern]).fetchone()
    assert found is not None
    return int(found[0])


def test_without_arguments_made_up_sales_are_ingested_once(root: Path) -> None:
    assert [main([]), main([])] == [0, 0]

    assert 9_500 < n_records(root) < 10_000


def test_a_csv_file_is_reported_and_published(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "sales.csv").write_text(HEADER + GOOD + BAD)

    status = main(["--csv", "sales.csv", "--batch-id", "b", "--max-invalid", "0.5"])

    folder = root / "runtime/records/transactions/b"
    assert status == 0
    assert capsys.readouterr().out.splitlines() == [
        f"transactions, batch b, from {root}/sales.csv",
        "2 rows: 1 valid, 1 invalid (50.00%; at most 50.00% may be)",
        "rows  first   reason",
        "1     line 3  amount: should be greater than or equal to 0",
        "days: 1, 2026-11-20",
        f"invalid rows and their reasons: {folder}/_rejected.parquet",
        f"published: {folder}",
    ]


def test_the_same_file_again_is_left_as_it_is(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "sales.csv").write_text(HEADER + GOOD)
    main(["--csv", "sales.csv"])
    capsys.readouterr()

    assert main(["--csv", "sales.csv"]) == 0
    assert "is there with this content and contract; nothing was done" in capsys.readouterr().out


def test_too_many_invalid_rows_are_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "sales.csv").write_text(HEADER + GOOD + BAD)

    assert main(["--csv", "sales.csv"]) == 1
    assert "refused: nothing is published" in capsys.readouterr().out
    assert sources(root / "runtime" / "records") == []


def test_the_rows_of_a_database_are_ingested(root: Path) -> None:
    with closing(sqlite3.connect(root / "shop.db")) as connection:
        connection.execute("CREATE TABLE sales (who, size)")
        connection.executemany("INSERT INTO sales VALUES (?, ?)", [("a", 1.5), ("b", None)])
        connection.commit()
    (root / "sales.yaml").write_text(
        "name: sales\nentity: who\n"
        "columns: [{name: who, kind: text}, {name: size, kind: float, nullable: true}]\n"
    )
    query = ["--sql", "sqlite:///shop.db", "SELECT who, size FROM sales"]

    assert [main([*query, "--contract", "sales.yaml"]) for _ in range(2)] == [0, 0]
    assert n_records(root, "sales") == 2


def test_rows_are_held_to_the_contract_of_a_model(root: Path) -> None:
    a_promoted_model(some_settings(root))
    (root / "rows.csv").write_text("a,b,c\n1,2,x\n1,1e9,x\n")

    assert main(["--csv", "rows.csv", "--model", "line", "--max-invalid", "0.5"]) == 0
    assert main(["--model", "line@1"]) == 0
    assert n_records(root, "line") > 1


def test_made_up_parquet_is_ingested(root: Path) -> None:
    assert generate(["sales.parquet", "--rows", "500"]) == 0
    assert main(["--parquet", "sales.parquet"]) == 0
    assert n_records(root) == 500


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--csv", "no.csv"], "no.csv: cannot be read: No such file"),
        (["--model", "no"], "no version of no is promoted to dev"),
        (["--model", "no@1"], "no has no version '1'"),
        (["--batch-id", "../b"], "'../b' is no batch id"),
        (["--csv", "config.yaml"], "config.yaml: there is no column 'customer_id'"),
        (
            ["--csv", "config.yaml", "--contract", "config.yaml"],
            "config.yaml: name: Field required",
        ),
        (["--sql", "postgresql://a:hunter-2@127.0.0.1:1/b", "SELECT 1"], "connection failed"),
    ],
)
@pytest.mark.usefixtures("root")
def test_a_mistake_is_one_message_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("error: ")
    assert said in message
    assert "hunter-2" not in message


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--max-invalid", "5"], "'5' is not right: a number from 0 to 1, as 0.05"),
        (["--contract", "sales.yaml"], "--contract FILE needs data: --csv, --parquet or --sql"),
    ],
)
@pytest.mark.usefixtures("root")
def test_an_option_that_is_wrong_is_told(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    (Path("sales.yaml")).write_text("name: s\ncolumns: [{name: a, kind: int}]\n")

    with pytest.raises(SystemExit) as stopped:
        main(arguments)

    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])

    assert stopped.value.code == 0
    assert "examples:\n  scripts/run_ingestion_validation.py" in capsys.readouterr().out


def test_a_killed_run_publishes_nothing_and_the_next_one_all(tmp_path: Path) -> None:
    environ = environment(tmp_path)
    generate([str(tmp_path / "sales.csv"), "--rows", "70000"])
    records = tmp_path / "runtime" / "records"
    command = [sys.executable, str(PROJECT / SCRIPT), "--csv", str(tmp_path / "sales.csv")]
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL) as killed:
        until(
            lambda: any(records.glob("*/_staged/*/_rejected.parquet")),
            "nothing was staged",
            seconds=60,
        )
        killed.kill()

    assert killed.returncode == -signal.SIGKILL
    assert any(records.glob("*/_staged/*"))
    assert sources(records) == []
    done = run_script(tmp_path, SCRIPT, "--csv", tmp_path / "sales.csv")
    assert done.returncode == 0
    assert n_records(tmp_path) == 70_000
    assert not any(records.glob("*/_staged/*"))
