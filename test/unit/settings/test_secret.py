from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import SettingsError
from app.settings.schema import Settings
from app.settings.secret import shared_secret
from test.key_pairs import a_jwk, a_jwks, write_public
from test.unit.settings.project import GOOD_SECRET, Project

ASK = """
import sys
from app.settings.overlay import load
from app.settings.secret import shared_secret
settings = load()
print("ready", flush=True)
sys.stdin.readline()
print(shared_secret(settings))
"""


def dev_file(settings: Settings) -> Path:
    return settings.root / "runtime" / "dev-jwt-secret"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_secret_of_the_settings_is_used(project: Project) -> None:
    assert shared_secret(project.load(JWT_SECRET=GOOD_SECRET)) == GOOD_SECRET


def test_a_secret_of_the_settings_makes_no_file(project: Project) -> None:
    settings = project.load(JWT_SECRET=GOOD_SECRET)

    shared_secret(settings)

    assert not dev_file(settings).exists()


def test_dev_makes_a_secret_that_any_algorithm_takes(project: Project) -> None:
    assert len(shared_secret(project.load()) or "") >= 64


def test_dev_makes_its_secret_once(project: Project) -> None:
    assert shared_secret(project.load()) == shared_secret(project.load())


def test_two_projects_have_two_secrets(project: Project, tmp_path: Path) -> None:
    other = project.load(GATEHOUSE_RUNTIME_PATH=str(tmp_path / "other"))

    assert shared_secret(project.load()) != shared_secret(other)


def test_only_the_owner_reads_the_secret(project: Project) -> None:
    settings = project.load()

    shared_secret(settings)

    file = dev_file(settings)
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)


def test_the_secret_is_the_only_file(project: Project) -> None:
    settings = project.load()

    for _ in range(2):
        shared_secret(settings)

    assert list(dev_file(settings).parent.iterdir()) == [dev_file(settings)]


def test_processes_that_race_get_one_secret(project: Project) -> None:
    environ = {"CONFIG_PATH": str(project.root / "config.yaml")}
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", ASK],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"

    answers = set()
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        answers.add(racer.communicate(timeout=30)[0])

    assert answers == {dev_file(project.load()).read_text() + "\n"}


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
@pytest.mark.parametrize("source", ["keys_path", "jwks"])
def test_where_public_keys_verify_there_is_no_secret_and_none_is_made(
    project: Project, environment: str, source: str
) -> None:
    write_public(project.root / "keys", "k")
    (project.root / "jwks.json").write_bytes(a_jwks(a_jwk("k")))
    place = {"keys_path": "keys", "jwks": "jwks.json"}[source]

    settings = project.write(f"security: {{{source}: {place}}}").load(APP_ENV=environment)

    assert shared_secret(settings) is None
    assert not dev_file(settings).exists()


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_other_environments_make_none(project: Project, environment: str) -> None:
    settings = project.load().model_copy(update={"environment": environment})

    with pytest.raises(SettingsError, match=r"security.jwt_secret is missing. Fix: set JWT_SECRET"):
        shared_secret(settings)


def test_a_folder_that_cannot_be_written_is_named(project: Project) -> None:
    (project.root / "runtime").write_text("in the way")

    with pytest.raises(SettingsError, match=r"runtime/dev-jwt-secret: cannot be written: .+ Fix:"):
        shared_secret(project.load())


def test_an_empty_secret_file_is_named(project: Project) -> None:
    settings = project.load()
    shared_secret(settings)
    dev_file(settings).write_bytes(b"")

    with pytest.raises(SettingsError, match=r"dev-jwt-secret: is empty. Fix: remove it"):
        shared_secret(settings)


def test_a_secret_file_that_is_no_text_still_gives_one_key(project: Project) -> None:
    settings = project.load()
    shared_secret(settings)
    dev_file(settings).write_bytes(b"\xff\xfe" * 32)

    assert shared_secret(settings) == shared_secret(settings)


def test_a_secret_file_that_others_may_read_is_refused(project: Project) -> None:
    shared_secret(project.load())
    dev_file(project.load()).chmod(0o644)

    with pytest.raises(SettingsError, match="others may read it"):
        shared_secret(project.load())
