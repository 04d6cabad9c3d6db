"""``config.yaml`` and the schema say the same, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml
from pydantic import BaseModel

from app.settings.overlay import PROJECT, SHORT_NAMES
from app.settings.schema import Settings

TEXT = (PROJECT / "config.yaml").read_text()
FROM_VARIABLES = {"environment", "root"}
_LINE = re.compile(r"^(?P<indent> *)(?P<key>\w+):(?P<value>[^#]*?)(?: +# (?P<comment>\S.*))?$")


def schema_keys(section: type[BaseModel] = Settings, above: str = "") -> Iterator[tuple[str, str]]:
    """Each setting with dots, and its description."""
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from schema_keys(kind, f"{above}{name}.")
        elif above or name not in FROM_VARIABLES:
            yield above + name, field.description or ""


def written_keys() -> dict[str, str]:
    """Each key of the file with dots, and its comment; sections are no keys."""
    found, above = {}, {-1: ""}
    for text in TEXT.splitlines():
        line = _LINE.match(text)
        if line is None:
            continue
        depth = len(line["indent"])
        above = {d: key for d, key in above.items() if d < depth}
        key = above[max(above)] + line["key"]
        if line["value"].strip() or line["comment"]:
            found[key] = line["comment"] or ""
        else:
            above[depth] = f"{key}."
    return found


def file_keys(content: object, above: str = "") -> Iterator[str]:
    if not isinstance(content, dict) or not content:
        yield above
        return
    for key, value in content.items():
        yield from file_keys(value, f"{above}.{key}".strip("."))


WRITTEN = written_keys()
SCHEMA = dict(schema_keys())


def test_the_lines_that_were_read_are_the_keys_of_the_file() -> None:
    assert set(WRITTEN) == set(file_keys(yaml.safe_load(TEXT)))


def test_every_key_of_the_file_is_in_the_schema() -> None:
    assert set(WRITTEN) - set(SCHEMA) == set()


def test_every_key_of_the_schema_is_in_the_file() -> None:
    assert set(SCHEMA) - set(WRITTEN) == set()


@pytest.mark.parametrize("key", WRITTEN)
def test_every_key_has_a_comment(key: str) -> None:
    assert WRITTEN[key]


@pytest.mark.parametrize("key", SCHEMA)
def test_every_setting_says_what_is_right(key: str) -> None:
    assert SCHEMA[key]


def test_every_value_in_the_file_is_the_default() -> None:
    assert Settings.model_validate(yaml.safe_load(TEXT)) == Settings()


def test_a_comment_names_the_short_name_of_its_key() -> None:
    named = {
        name: key
        for key, comment in WRITTEN.items()
        for name in re.findall(r"\[([A-Z_]+)\]", comment)
    }

    assert named == {name: ".".join(path) for name, path in SHORT_NAMES.items()}


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_an_overlay_sets_only_what_the_base_explains(environment: str) -> None:
    overlay = yaml.safe_load((PROJECT / f"configs/{environment}.yaml").read_text())

    assert set(file_keys(overlay)) - set(WRITTEN) == set()
