"""What a model file may not do, and that none of it is done while the file is looked at."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from app.adapters.joblib_models import unpickle
from app.adapters.pickles.names import Names
from app.errors import ModelRejectedError
from test.adapters.hostile_names import BORROWED, DOTTED, NAMES
from test.adapters.hostile_streams import STREAMS
from test.adapters.pickle_assembler import (
    Runs,
    called,
    dumped,
    named,
    named_from_stack,
    text,
)

LISTED = Names()
COMPRESSIONS = [0, "zlib", "gzip", "bz2", "lzma", "xz"]


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


def runs(canary: Path) -> Runs:
    return Runs(f"open({str(canary)!r}, 'w').close()")


HIDDEN: dict[str, Any] = {
    "bare": lambda it: it,
    "in a list": lambda it: [1, it],
    "in a dictionary": lambda it: {"a": it},
    "in an array of objects": lambda it: np.array([1, it], dtype=object),
    "in an array in an array": lambda it: np.array([1, np.array([it], object)], object),
    "in a masked array": lambda it: np.ma.masked_array([1, it], [False, True], dtype=object),
    "after a large array": lambda it: [np.zeros(100_000), it],
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("hide", HIDDEN.values(), ids=HIDDEN)
def test_code_is_found_wherever_it_hides_and_does_not_run(
    canary: Path, protocol: int, hide: Any
) -> None:
    payload = dumped(hide(runs(canary)), protocol=protocol)

    with pytest.raises(ModelRejectedError, match=r"names builtins\.exec, which is not on the list"):
        unpickle(payload, LISTED)

    assert not canary.exists()


@pytest.mark.parametrize("compress", COMPRESSIONS)
def test_code_is_found_in_each_compression(canary: Path, compress: Any) -> None:
    payload = dumped(np.array([runs(canary)], dtype=object), compress=compress)

    with pytest.raises(ModelRejectedError, match=r"names builtins\.exec"):
        unpickle(payload, LISTED)

    assert not canary.exists()


@pytest.mark.parametrize("hide", HIDDEN.values(), ids=HIDDEN)
def test_without_the_scan_that_code_would_run(canary: Path, hide: Any) -> None:
    joblib.load(BytesIO(dumped(hide(runs(canary)))))

    assert canary.exists()


def test_a_module_that_is_not_listed_is_not_even_imported(
    canary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine.py").write_text(f"open({str(canary)!r}, 'w').close()\ndef made(): pass\n")
    stream = named("mine", "made") + b"."

    with pytest.raises(ModelRejectedError, match=r"names mine\.made"):
        unpickle(stream, LISTED)

    assert not canary.exists()


@pytest.mark.parametrize("way", [named, named_from_stack])
@pytest.mark.parametrize(("module", "name"), NAMES + DOTTED, ids=".".join)
def test_a_name_that_is_not_listed_is_refused(way: Any, module: str, name: str) -> None:
    stream = called(way(module, name), text("print('hello')")) + b"."
    shown = re.escape(f"{module}.{name}".replace("__builtin__", "builtins"))

    with pytest.raises(ModelRejectedError, match=rf"names {shown}, .* not on the list .*Fix: sec"):
        unpickle(stream, LISTED)


@pytest.mark.parametrize(("module", "name"), BORROWED, ids=".".join)
def test_a_name_that_a_listed_module_merely_imported_is_refused(module: str, name: str) -> None:
    with pytest.raises(ModelRejectedError, match=re.escape(f"names {module}.{name}, which")):
        unpickle(named(module, name) + b".", LISTED)


@pytest.mark.parametrize(("stream", "said"), STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("prefix", [b"", b"\x80\x02", b"\x80\x05"], ids=["0", "2", "5"])
def test_a_stream_that_no_pickler_writes_is_refused(
    prefix: bytes, stream: bytes, said: str
) -> None:
    with pytest.raises(ModelRejectedError, match=said):
        unpickle(prefix + stream, LISTED)


@pytest.mark.parametrize("allowed", ["mine", "mine.inner", "mine.inner.Thing"])
def test_a_module_of_ones_own_is_allowed_with_all_below_it(allowed: str) -> None:
    with pytest.raises(ModelRejectedError, match=r"mine\.inner\.Thing, which cannot be imported"):
        unpickle(named("mine.inner", "Thing") + b".", Names([allowed]))


@pytest.mark.parametrize("allowed", ["min", "mine.inn", "mine.inner.Thin", "mine.inner.Thing.x"])
def test_a_module_with_a_similar_name_is_not_allowed(allowed: str) -> None:
    with pytest.raises(ModelRejectedError, match="not on the list"):
        unpickle(named("mine.inner", "Thing") + b".", Names([allowed]))


def test_what_is_allowed_may_be_called() -> None:
    stream = called(named("decimal", "Decimal"), text("1.5")) + b"."

    assert str(unpickle(stream, Names(["decimal"]))) == "1.5"
