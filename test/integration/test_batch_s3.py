"""A batch from S3 to S3: moto's server on this machine."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from s3fs import S3FileSystem

from app.errors import OperatorError
from app.lifecycle.remote import RemoteVersions
from app.settings.schema import Settings
from test.builders import a_promoted_model
from test.integration.test_s3 import registry as bucket
from test.integration.test_s3 import server
from test.unit.lifecycle.batch.tables import scored, some_rows, written

__all__ = ["bucket", "server"]
N_ROWS = 40_000


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_rows_come_from_a_bucket_and_answers_go_there(
    settings: Settings, bucket: RemoteVersions, tmp_path: Path, ending: str
) -> None:
    a_promoted_model(settings)
    root, store = bucket.url.removesuffix("/models"), S3FileSystem()
    table = some_rows(N_ROWS).set_column(0, "a", pa.array([1e9, *range(1, N_ROWS)]))
    store.put_file(str(written(tmp_path / f"in.{ending}", table)), f"{root}/in/rows.{ending}")

    first = scored(settings, f"{root}/in", f"{root}/out")
    store.rm_file(f"{root}/out/part-00000.parquet")
    resumed, again = (scored(settings, f"{root}/in/*", f"{root}/out") for _ in range(2))
    whole = scored(settings, f"{root}/in", f"{root}/one.parquet")

    rows = [
        row
        for file in sorted(store.glob(f"{root}/out/part-*"))
        for row in parquet.read_table(file, filesystem=store)["row"].to_pylist()
    ]
    assert rows == [*range(1, N_ROWS)]
    assert [it.n_rejected for it in (first, resumed, again, whole)] == [1] * 4
    assert [it.was_done for it in (first, resumed, again)] == [False, False, True]
    assert parquet.read_metadata(f"{root[5:]}/one.parquet", filesystem=store).num_rows == 39_999


def test_a_bucket_that_is_not_there_is_told(
    settings: Settings, bucket: RemoteVersions, tmp_path: Path
) -> None:
    a_promoted_model(settings)
    source = written(tmp_path / "in.parquet", some_rows(5))

    with pytest.raises(OperatorError, match=r"s3://nowhere-at-all/.*: .*bucket does not exist"):
        scored(settings, source, "s3://nowhere-at-all/out")

    assert bucket.url
