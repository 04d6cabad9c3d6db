"""Every claim of SECURITY.md names a test, and that test is there."""

from __future__ import annotations

import re

import pytest

from app.settings.overlay import PROJECT

TEXT = (PROJECT / "SECURITY.md").read_text()
_NAMED = re.compile(r"`(test/[\w/]+\.py)::(test_\w+)`")
_ROW = re.compile(r"^\| (API\d+|3\.\d+) .*$", re.MULTILINE)
OWASP = [f"API{number}" for number in range(1, 11)]
RFC_8725 = [f"3.{number}" for number in range(1, 13)]


def rows() -> dict[str, str]:
    return {found[1]: found[0] for found in _ROW.finditer(TEXT)}


def test_the_tables_are_whole() -> None:
    assert list(rows()) == [*OWASP, *RFC_8725]


@pytest.mark.parametrize("row", [*OWASP, *RFC_8725])
def test_a_row_names_a_test_or_says_that_it_does_not_apply(row: str) -> None:
    assert _NAMED.search(rows()[row]) or "does not apply" in rows()[row]


@pytest.mark.parametrize(("path", "name"), sorted(set(_NAMED.findall(TEXT))))
def test_a_test_that_is_named_is_there(path: str, name: str) -> None:
    assert f"def {name}(" in (PROJECT / path).read_text()
