from __future__ import annotations

from pathlib import Path

import pytest

from app.settings.overlay import PROJECT, SHORT_NAMES, load
from app.settings.schema import Settings
from test.unit.settings.project import GOOD_SECRET, Project

SHORT_VALUES = {
    "JWT_SECRET": GOOD_SECRET,
    "HOST": "0.0.0.0",  # noqa: S104  a value to read back
    "PORT": "8001",
    "WORKERS": "3",
    "SERVER": "gunicorn",
    "MAX_REQUEST_SIZE": "2048",
    "FLASK_DEBUG": "1",
    "MODEL_RETRIES": "7",
    "MODEL_RETRY_DELAY": "0.25",
    "CACHE_SIZE": "0",
    "RATE_LIMIT": "7 per hour",
    "SLACK_WEBHOOK": "https://hooks.example.org/x",
}


def at(settings: Settings, path: tuple[str, ...]) -> str:
    value: object = settings
    for key in path:
        value = getattr(value, key)
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)


def test_an_empty_project_has_the_defaults(project: Project) -> None:
    assert project.load() == Settings(root=project.root)


def test_the_overlay_wins_over_the_base(project: Project) -> None:
    project.write("rate_limit: 1 per hour").write("rate_limit: 2 per hour", "configs/dev.yaml")

    assert project.load().rate_limit == "2 per hour"


def test_the_environment_wins_over_the_overlay(project: Project) -> None:
    project.write("rate_limit: 2 per hour", "configs/dev.yaml")

    assert project.load(RATE_LIMIT="3 per hour").rate_limit == "3 per hour"


def test_a_long_name_wins_over_a_short_one(project: Project) -> None:
    settings = project.load(RATE_LIMIT="3 per hour", GATEHOUSE_RATE_LIMIT="4 per hour")

    assert settings.rate_limit == "4 per hour"


def test_arguments_win_over_the_environment(project: Project) -> None:
    environ = {"CONFIG_PATH": str(project.root / "config.yaml"), "PORT": "8001"}

    assert load(environ, {"server": {"port": 8002}}).server.port == 8002


def test_the_longer_of_two_long_names_wins(project: Project) -> None:
    settings = project.load(
        GATEHOUSE_MODEL__RETRIES="2", GATEHOUSE_MODEL="{retries: 1, max_rows: 9}"
    )

    assert (settings.model.retries, settings.model.max_rows) == (2, 9)


def test_an_overlay_changes_one_key_and_leaves_its_neighbours(project: Project) -> None:
    project.write("server: {port: 8001, workers: 2}").write(
        "server: {port: 8002}", "configs/dev.yaml"
    )

    server = project.load().server
    assert (server.port, server.workers) == (8002, 2)


def test_an_overlay_replaces_a_list_whole(project: Project) -> None:
    project.write("allowed_roles: [a, b]").write("allowed_roles: [c]", "configs/dev.yaml")

    assert project.load().allowed_roles == ("c",)


@pytest.mark.parametrize("name", SHORT_NAMES)
def test_a_short_name_sets_its_key(project: Project, name: str) -> None:
    written = SHORT_VALUES[name]

    found = at(project.load(**{name: written}), SHORT_NAMES[name])

    assert found == {"1": "True"}.get(written, written)


@pytest.mark.parametrize("name", SHORT_NAMES)
def test_an_empty_short_name_counts_as_unset(project: Project, name: str) -> None:
    assert project.load(**{name: ""}) == project.load()


def test_every_short_name_of_the_design_exists() -> None:
    assert set(SHORT_VALUES) == set(SHORT_NAMES)


def test_a_long_name_reaches_a_key_three_levels_down(project: Project) -> None:
    settings = project.load(GATEHOUSE_MODEL__INPUT_VALIDATION__MAX_VALUE="5")

    assert settings.model.input_validation.max_value == 5.0


def test_a_variable_can_hold_a_list(project: Project) -> None:
    assert project.load(GATEHOUSE_ALLOWED_ROLES="[a, b]").allowed_roles == ("a", "b")


def test_other_variables_are_ignored(project: Project) -> None:
    assert project.load(PATH="/bin", GATEHOUSE="x", DATABASE_URL="y") == project.load()


def test_a_variable_is_filled_into_a_value(project: Project) -> None:
    project.write('model: {model_path: "models/${TEAM}/${NAME}.joblib"}')

    settings = project.load(TEAM="risk", NAME="churn")

    assert settings.model.model_path == Path("models/risk/churn.joblib")


def test_a_variable_is_filled_into_a_list(project: Project) -> None:
    project.write('allowed_roles: [admin, "${ROLE}"]')

    assert project.load(ROLE="user").allowed_roles == ("admin", "user")


def test_a_filled_in_variable_is_not_filled_in_again(project: Project) -> None:
    project.write('security: {issuer: "${ISSUER}"}')

    assert project.load(ISSUER="${OTHER}").security.issuer == "${OTHER}"


@pytest.mark.parametrize(("name", "stage"), [("staging", "staging"), ("prod", "production")])
def test_app_env_chooses_the_overlay(project: Project, name: str, stage: str) -> None:
    project.write("server: {port: 8003}", f"configs/{name}.yaml")

    settings = project.load(APP_ENV=name, JWT_SECRET=GOOD_SECRET)

    assert (settings.environment, settings.stage, settings.server.port) == (name, stage, 8003)


@pytest.mark.parametrize("environ", [{}, {"APP_ENV": ""}])
def test_without_app_env_it_is_dev(project: Project, environ: dict[str, str]) -> None:
    assert project.load(**environ).environment == "dev"


def test_an_argument_wins_over_app_env(project: Project) -> None:
    environ = {"CONFIG_PATH": str(project.root / "config.yaml"), "APP_ENV": "dev"}

    settings = load(environ | {"JWT_SECRET": GOOD_SECRET}, environment="staging")

    assert settings.environment == "staging"


def test_relative_paths_start_at_the_configuration(project: Project) -> None:
    settings = project.load()

    assert settings.path(settings.runtime_path) == project.root / "runtime"


def test_absolute_paths_stay(project: Project) -> None:
    settings = project.load(GATEHOUSE_RUNTIME_PATH="/var/lib/gatehouse")

    assert settings.path(settings.runtime_path) == Path("/var/lib/gatehouse")


def test_a_relative_configuration_starts_at_the_working_directory(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)

    assert load({"CONFIG_PATH": "config.yaml"}).root == project.root


def test_two_ports_do_not_share_their_metrics(project: Project) -> None:
    folders = {project.load(PORT=port).metrics_directory for port in ("8001", "8002")}

    assert folders == {project.root / "runtime" / f"server-{port}/metrics" for port in (8001, 8002)}


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_the_project_starts_in_every_environment(name: str) -> None:
    settings = load({"APP_ENV": name, "JWT_SECRET": GOOD_SECRET})

    stage = {"prod": "production"}.get(name, name)
    assert settings.path(settings.model.model_path) == PROJECT / f"model/{stage}/model.joblib"
