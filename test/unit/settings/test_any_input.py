"""Whatever stands in files and environment: settings or one ``SettingsError``, nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date
from typing import Any, get_args, get_origin

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from pydantic import BaseModel

from app.errors import SettingsError
from app.settings.overlay import PREFIX, SHORT_NAMES
from app.settings.schema import Settings
from test.unit.settings.project import GOOD_SECRET, Project, an_empty_project


def parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from parts(part)


def sections_of(annotation: Any) -> list[type[BaseModel]]:
    found = (part for part in parts(annotation) if isinstance(part, type))
    return [part for part in found if issubclass(part, BaseModel)]


def keys_of(section: type[BaseModel]) -> set[str]:
    found = set()
    for name, field in section.model_fields.items():
        found |= {name}.union(*map(keys_of, sections_of(field.annotation)))
    return found


KEYS = sorted(keys_of(Settings) | {"typo", "", "jwt_secret:abc"})
WORDS = [
    "dev", "1 per second", "${PORT}", "${", "true", "5", "HS256", "*", "[", "{a: 1}", "a\0b",
    "admin", "predict", "rows", "whole", "hashed", "churn", "*-1", "redis://127.0.0.1", "redis://[",
    "postgresql://u:p@h/n", "https://[", "https://u:p@h:x/", "http://127.0.0.1:99999", "a" * 5_000,
    ".", "/", "/dev/null", "config.yaml", "unix:///a?db=1", "-----BEGIN PRIVATE KEY-----",
]  # fmt: skip
texts = st.text(max_size=20) | st.sampled_from(WORDS)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.dates() | st.binary()
values = st.recursive(
    scalars,
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.integers(), inside, max_size=4)
    ),
    max_leaves=12,
)
mappings = st.dictionaries(st.sampled_from(KEYS) | texts | st.just(date.min), values, max_size=6)


def shaped(section: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings of some of the keys of *section*, groups in the place of groups."""
    fields = section.model_fields.items()
    return st.fixed_dictionaries({}, optional={name: fitting(f.annotation) for name, f in fields})


def fitting(annotation: Any) -> st.SearchStrategy[Any]:
    inside = sections_of(annotation)
    if not inside:
        return values
    group = shaped(inside[0])
    if get_origin(annotation) is dict:
        group = st.dictionaries(texts, group | values, max_size=3)
    if get_origin(annotation) is tuple:
        return st.lists(group | values, max_size=3) | values
    return group | values


names = st.sampled_from([*SHORT_NAMES, "APP_ENV", "CONFIG_PATH", "PATH", PREFIX]) | st.builds(
    lambda keys: PREFIX + "__".join(keys).upper(),
    st.lists(st.sampled_from(KEYS), min_size=1, max_size=3),
)
environments = st.dictionaries(
    names, texts | st.sampled_from(["dev", "staging", "prod", "a\udce9" * 8])
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return an_empty_project(tmp_path_factory.mktemp("any") / "project")


contents = mappings | shaped(Settings)


@given(base=contents, overlay=contents, environ=environments)
@effort(max_examples=200, deadline=None)
def test_any_mapping_and_environment_is_taken_or_refused(
    written: Project, base: object, overlay: object, environ: dict[str, str]
) -> None:
    for content, file in ((base, "config.yaml"), (overlay, "configs/dev.yaml")):
        (written.root / file).write_text(yaml.dump(content, Dumper=yaml.SafeDumper))

    with contextlib.suppress(SettingsError):
        assert isinstance(written.load(**environ), Settings)


def leaves(section: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of each setting that is no group itself."""
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from leaves(kind, (*path, name))
        else:
            yield (*path, name)


@given(
    path=st.sampled_from(list(leaves(Settings))),
    value=values,
    name=st.sampled_from(["dev", "prod"]),
)
@effort(max_examples=400, deadline=None)
def test_any_value_of_one_setting_is_taken_or_refused(
    written: Project, path: tuple[str, ...], value: object, name: str
) -> None:
    content = value
    for key in reversed(path):
        content = {key: content}
    (written.root / "config.yaml").write_text(yaml.dump(content, Dumper=yaml.SafeDumper))

    with contextlib.suppress(SettingsError):
        assert isinstance(written.load(APP_ENV=name, JWT_SECRET=GOOD_SECRET), Settings)


@given(text=st.text(max_size=80) | st.text("{}[]:-&*!?|>#,'\"%@` \n\t\\0aé<=~", max_size=40))
@effort(max_examples=150, deadline=None)
def test_any_text_is_taken_or_refused(written: Project, text: str) -> None:
    (written.root / "config.yaml").write_text(text, encoding="utf-8")

    with contextlib.suppress(SettingsError):
        assert isinstance(written.load(), Settings)


@given(content=st.binary(max_size=60))
@effort(max_examples=50, deadline=None)
def test_any_bytes_are_taken_or_refused(written: Project, content: bytes) -> None:
    (written.root / "config.yaml").write_bytes(content)

    with contextlib.suppress(SettingsError):
        assert isinstance(written.load(), Settings)
