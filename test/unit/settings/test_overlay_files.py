"""What a file of settings may hold, and how a message says that it holds something else."""

from __future__ import annotations

import pytest

from test.unit.settings.project import Project


def test_a_missing_base_is_named_in_full(project: Project) -> None:
    (project.root / "config.yaml").unlink()

    expected = f"{project.root}/config.yaml: the file is missing. Fix: create it."
    assert project.refusal() == expected


def test_a_missing_overlay_is_named_in_full(project: Project) -> None:
    (project.root / "configs/dev.yaml").unlink()

    expected = f"{project.root}/configs/dev.yaml: the file is missing. Fix: create it."
    assert project.refusal() == expected


def test_a_folder_is_no_configuration(project: Project) -> None:
    (project.root / "configs/dev.yaml").unlink()
    (project.root / "configs/dev.yaml").mkdir()

    expected = "configs/dev.yaml: cannot be read: IsADirectoryError. Fix: a readable file in UTF-8."
    assert project.refusal() == expected


def test_bytes_that_are_no_text_are_refused(project: Project) -> None:
    (project.root / "config.yaml").write_bytes(b"rate_limit: \xff")

    expected = "config.yaml: cannot be read: UnicodeDecodeError. Fix: a readable file in UTF-8."
    assert project.refusal() == expected


def test_a_path_that_no_file_can_have_is_refused(project: Project) -> None:
    assert "cannot be read: ValueError" in project.refusal(CONFIG_PATH="a\0b")


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "~\n"])
def test_an_empty_file_sets_nothing(project: Project, text: str) -> None:
    expected = project.load()

    assert project.write(text).load() == expected


def test_a_byte_order_mark_is_no_part_of_the_first_key(project: Project) -> None:
    project.write("\ufeffrate_limit: 1 per hour")

    assert project.load().rate_limit == "1 per hour"


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text\n", "42\n", "[]\n", "false\n"])
def test_a_file_without_keys_is_refused(project: Project, text: str) -> None:
    project.write(text, "configs/dev.yaml")

    assert project.refusal() == "configs/dev.yaml: holds no keys. Fix: write 'key: value' lines."


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("rate_limit: 1\nserver: {port: 1\n", " in line 3"),
        ("server:\n\tport: 1\n", " in line 2"),
        ("cache: *nobody\n", " in line 1"),
        ("cache: !python/object:os.system {}\n", " in line 1"),
        ("<<: 5\n", " in line 1"),
        ("? [a]\n: b\n", " in line 1"),
        ("rate_limit: \0\n", ""),
        ("nan_replacement: 2026-13-45\n", ""),
        ("nan_replacement: !!float abc\n", ""),
        ("nan_replacement: !!int ''\n", ""),
        ("nan_replacement: !!timestamp abc\n", ""),
        ("nan_replacement: " + "9" * 5_000, ""),
        ("cache: " + "[" * 1_000, ""),
        ("model: &model {model: *model}\n", ""),
    ],
)
def test_broken_yaml_is_refused_with_its_line(project: Project, text: str, where: str) -> None:
    fix = "quote a value that holds special characters, or mend the line."

    assert project.write(text).refusal() == f"config.yaml: is not YAML{where}. Fix: {fix}"


@pytest.mark.parametrize("text", ["[2026-13-45]", "[" * 1_000, "{retries: *a}", "{retries: 1"])
def test_a_variable_that_is_no_yaml_is_taken_as_text(project: Project, text: str) -> None:
    assert "environment GATEHOUSE_MODEL: model = ***:" in project.refusal(GATEHOUSE_MODEL=text)


def test_a_missing_variable_is_named_with_its_key(project: Project) -> None:
    project.write('security: {issuer: "${ISSUER}"}', "configs/dev.yaml")

    expected = (
        "configs/dev.yaml: security.issuer: the variable ISSUER in ${…} is not set. Fix: set it."
    )
    assert project.refusal() == expected


@pytest.mark.parametrize("text", ["${PORT:-8001}", "${PORT-}", "${ }", "${}"])
def test_only_a_plain_name_is_filled_in(project: Project, text: str) -> None:
    project.write(f'server: {{host: "{text}"}}')

    assert "server.host: the variable *** in ${…} is not set" in project.refusal(PORT="8002")


@pytest.mark.parametrize("name", ["production", "Dev", "test", "../prod"])
def test_an_unknown_environment_is_refused(project: Project, name: str) -> None:
    expected = f"environment: APP_ENV = {name!r} is no environment. Fix: dev, staging or prod."
    assert project.refusal(APP_ENV=name) == expected


@pytest.mark.parametrize(
    "text", ["enable_auth: true\nenable_auth: false\n", "server:\n  port: 1\n  port: 2\n"]
)
def test_a_key_that_stands_twice_is_refused(project: Project, text: str) -> None:
    assert "config.yaml: names a key twice in line" in project.write(text).refusal()
