"""The files that a batch reads: found, told apart by their endings, and known again later."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final, Literal

import pyarrow as pa

from app.errors import GatehouseError, OperatorError

Form = Literal["parquet", "csv", "arrow"]
FORMS: Final[Mapping[str, Form]] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".arrow": "arrow",
    ".ipc": "arrow",
    ".feather": "arrow",
}
_PASSWORD: Final = re.compile(r"//[^/\n]*@")
_MAGIC: Final = re.compile(r"[*?\[]")
_LOCAL_FAULTS: Final = (OSError, UnicodeDecodeError, pa.ArrowException)
# What stores call the thing that changes with a file's content, the surest first.
_MARKS: Final = (
    "ETag", "etag", "md5Hash", "generation", "mtime", "LastModified", "last_modified", "updated",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to score.

    Attributes:
        url: where any process finds it; a plain path on this machine.
        name: relative to what was asked for.
        mark: changes with the content.
    """

    url: str
    name: str
    form: Form
    mark: str

    @property
    def shown(self) -> str:
        """Where it is, without a password."""
        return shown(self.url)


def find_inputs(source: str) -> list[InputFile]:
    """Return the files of *source*: a file, a folder or a pattern, here or at an fsspec URL.

    Of a folder, what begins with ``_`` or ``.`` is left out. They are in the order of their names.

    Raises:
        OperatorError: there is none, one is of an unknown form, or the store does not answer.
    """
    with store_of(source) as (store, root):
        is_folder = False
        if _MAGIC.search(root):
            paths = store.glob(root)
        else:
            is_folder = store.isdir(root)
            paths = store.find(root) if is_folder else [root]
        base = root if is_folder else root.rpartition("/")[0]
        named = {path: path.removeprefix(base).lstrip("/") for path in paths}
        if is_folder:
            named = {path: name for path, name in named.items() if _is_data(name)}
        files = [_described(store, path, named[path]) for path in sorted(named)]
    if not files:
        endings = ", ".join(FORMS)
        raise OperatorError(f"{shown(source)}: holds no input. Fix: files that end in {endings}")
    return files


def is_unchanged(file: InputFile) -> bool:
    """Say whether *file* still is what it was when it was found."""
    with store_of(file.url) as (store, path):
        return _mark(store, path) == file.mark


@contextmanager
def opened(file: InputFile) -> Iterator[Any]:
    """Give *file* as something to read with ``seek``; on this machine, a file without a buffer.

    Raises:
        OperatorError: it cannot be read, or is not of the form that its ending says.
    """
    with store_of(file.url) as (store, path), _source(store, path) as source:
        yield source


def _source(store: Any, path: str) -> Any:
    return pa.OSFile(path) if is_local(store) else store.open(path, "rb")


@contextmanager
def store_of(url: str) -> Iterator[tuple[Any, str]]:
    """Give the store of *url*, and the path of *url* in it.

    Raises:
        OperatorError: for whatever the store's or Arrow's library raises; they share no base.
    """
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415

        yield url_to_fs(url, use_listings_cache=False) if "://" in url else url_to_fs(url)
    except GatehouseError:
        raise
    except ImportError as error:
        fix = "make setup-pipeline, or install the package that it names"
        raise OperatorError(f"{shown(url)}: {error}. Fix: {fix}.") from error
    except Exception as error:
        if isinstance(error, FileNotFoundError) and "://" not in url:
            raise OperatorError(f"{url}: there is no such file. Fix: another path") from error
        if "://" not in url and not isinstance(error, _LOCAL_FAULTS):
            raise
        said = (shown(str(error)).splitlines() or ["no reason given"])[0]
        raise OperatorError(
            f"{shown(url)}: {type(error).__name__}: {said}. Fix: a file that can be read as its "
            "ending says, or its store"
        ) from error


def is_local(store: Any) -> bool:
    """Say whether *store* is this machine's file system."""
    return "file" in (store.protocol if isinstance(store.protocol, tuple) else (store.protocol,))


def shown(text: str) -> str:
    """Return *text* without a password."""
    return _PASSWORD.sub("//***@", text)


def _is_data(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix in FORMS and not any(it[0] in "._" for it in path.parts)


def _described(store: Any, path: str, name: str) -> InputFile:
    form = FORMS.get(PurePosixPath(path).suffix)
    if form is None:
        endings = ", ".join(FORMS)
        raise OperatorError(f"{path}: is of no known form. Fix: a file that ends in {endings}")
    url = path if is_local(store) else store.unstrip_protocol(path)
    return InputFile(url, name, form, _mark(store, path))


def _mark(store: Any, path: str) -> str:
    store.invalidate_cache(path)
    info = store.info(path)
    mark = next((str(info[key]) for key in _MARKS if info.get(key) is not None), "")
    return f"{info['size']} bytes, {mark}"
