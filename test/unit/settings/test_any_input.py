"""Whatever stands in files and environment: settings or one ``SettingsError``, nothing else."""

from __future__ import annotations

import contextlib
from datetime import date

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from app.errors import SettingsError
from app.settings.overlay import PREFIX, SHORT_NAMES
from app.settings.schema import Settings
from test.unit.settings.project import Project, an_empty_project


def keys_of(section: type) -> set[str]:
    found = set()
    for name, field in getattr(section, "model_fields", {}).items():
        found |= {name} | keys_of(field.annotation)
    return found


KEYS = sorted(keys_of(Settings) | {"typo", "", "jwt_secret:abc"})
texts = st.text(max_size=20) | st.sampled_from(
    ["dev", "1 per second", "${PORT}", "${", "true", "5", "HS256", "*", "[", "{a: 1}", "a\0b"]
)
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


@given(base=mappings, overlay=mappings, environ=environments)
@effort(max_examples=200, deadline=None)
def test_any_mapping_and_environment_is_taken_or_refused(
    written: Project, base: object, overlay: object, environ: dict[str, str]
) -> None:
    for content, file in ((base, "config.yaml"), (overlay, "configs/dev.yaml")):
        (written.root / file).write_text(yaml.dump(content, Dumper=yaml.SafeDumper))

    with contextlib.suppress(SettingsError):
        assert isinstance(written.load(**environ), Settings)


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
