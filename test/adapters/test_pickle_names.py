"""What the list lets through of the libraries that are installed here."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.adapters.pickles.names import Names, _is_listed
from app.errors import ModelRejectedError

DANGEROUS_CALLS = {"open", "exec", "eval", "compile", "__import__"}
DANGEROUS_METHODS = {"tofile", "fromfile", "import_module", "write_bytes", "write_text"}
DANGEROUS_MODULES = {
    "bz2",
    "ctypes",
    "gzip",
    "importlib",
    "mmap",
    "multiprocessing",
    "pickle",
    "runpy",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "urllib",
    "zipfile",
}
HARMLESS_OF_OS = {"path", "environ", "fspath", "cpu_count"}
# They open a file, or ask for the machine, in a method that no model file can call.
KNOWN = {
    "sklearn.feature_extraction.text._VectorizerMixin",
}


def is_dangerous(call: ast.Call) -> bool:
    function: Any = call.func
    if isinstance(function, ast.Name):
        return function.id in DANGEROUS_CALLS
    chain = []
    while isinstance(function, ast.Attribute):
        chain.append(function.attr)
        function = function.value
    if not chain or not isinstance(function, ast.Name):
        return False
    if function.id == "os":
        return chain[-1] not in HARMLESS_OF_OS
    return function.id in DANGEROUS_MODULES or chain[0] in DANGEROUS_METHODS


@cache
def definitions(package: str) -> list[tuple[str, str]]:
    return list(found_in(package))


def found_in(package: str) -> Iterator[tuple[str, str]]:
    """Each function and class of a package whose text opens, runs or imports something."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    for file in root.rglob("*.py"):
        parts = file.relative_to(root.parent).with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        if "tests" in parts or not (package == "numpy" or _is_listed(module, f"{module}.name")):
            continue
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                calls = (it for it in ast.walk(node) if isinstance(it, ast.Call))
                if any(map(is_dangerous, calls)):
                    yield module, node.name


@pytest.mark.parametrize("package", ["numpy", "scipy", "sklearn"])
def test_nothing_that_opens_files_or_runs_text_is_listed(package: str) -> None:
    found = definitions(package)
    listed = {
        f"{module}.{name}" for module, name in found if _is_listed(module, f"{module}.{name}")
    }

    assert found
    assert listed - KNOWN == set()


def test_what_numpy_shows_at_its_top_and_defines_elsewhere_is_looked_at_too() -> None:
    names = Names()
    listed = set()
    for _, name in definitions("numpy"):
        with suppress(ModelRejectedError):
            listed.add(names.find("numpy", name).path)

    assert listed == {"numpy.ndarray"}  # which is what a memory map becomes


@pytest.mark.parametrize(
    ("module", "name", "path"),
    [
        ("copy_reg", "_reconstructor", "copyreg._reconstructor"),
        ("__builtin__", "xrange", "builtins.range"),
        ("__builtin__", "unicode", "builtins.str"),
        ("numpy.core.multiarray", "scalar", "numpy._core.multiarray.scalar"),
        ("numpy", "memmap", "numpy.ndarray"),
    ],
)
def test_an_old_name_means_the_new_one(module: str, name: str, path: str) -> None:
    assert Names().find(module, name).path == path


def test_what_is_listed_stays_so_when_its_package_is_allowed_as_well() -> None:
    names = Names(["numpy", "builtins", "joblib"])

    assert names.find("numpy", "savetxt").is_free
    assert names.find("builtins", "eval").is_free
    assert Names().find("numpy", "mean").target is names.find("numpy", "mean").target
