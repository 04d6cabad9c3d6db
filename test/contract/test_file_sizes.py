"""One idea, one page: a file stays under 250 lines and a function under 40."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from app.settings.overlay import PROJECT

MOST_FILE_LINES = 250
MOST_FUNCTION_LINES = 40
FILES = sorted(
    file
    for folder in ("app", "client", "scripts", "jwt_tools")
    for file in (PROJECT / folder).rglob("*.py")
)


def functions() -> Iterator[tuple[str, int]]:
    """Every function and its lines, from ``def`` to the last."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield f"{file.relative_to(PROJECT)}: {node.name}", lines


@pytest.mark.parametrize("folder", ["app", "client", "scripts", "jwt_tools"])
def test_the_folder_is_looked_at(folder: str) -> None:
    assert any(file.is_relative_to(PROJECT / folder) for file in FILES)


def test_no_file_outgrows_a_page() -> None:
    lengths = {str(file.relative_to(PROJECT)): len(file.read_text().splitlines()) for file in FILES}

    assert {file: n for file, n in lengths.items() if n > MOST_FILE_LINES} == {}


def test_no_function_outgrows_half_a_screen() -> None:
    too_long = {name: lines for name, lines in functions() if lines > MOST_FUNCTION_LINES}

    assert too_long == {}
