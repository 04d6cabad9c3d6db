from __future__ import annotations

import pytest

from test.unit.settings.project import GOOD_SECRET, Project

BYTES = "0123456789abcdef"


def refused(project: Project, **environ: str) -> str:
    """The one fault of settings that are good in every other way."""
    _, fault = project.refusal(**{"JWT_SECRET": GOOD_SECRET, **environ}).split("\n")
    return fault.strip()


def test_bounds_that_leave_nothing_are_refused(project: Project) -> None:
    project.write("model: {input_validation: {min_value: 5, max_value: 5}}", "configs/dev.yaml")

    assert refused(project) == (
        "configs/dev.yaml: model.input_validation.min_value = 5: is not below max_value (5). "
        "Fix: a number below max_value."
    )


def test_a_bound_contradicts_the_other_ones_default(project: Project) -> None:
    name = "GATEHOUSE_MODEL__INPUT_VALIDATION__MAX_VALUE"

    fault = refused(project, **{name: "-2000000"})

    assert fault.startswith("config.yaml: model.input_validation.min_value: is not below")


@pytest.mark.parametrize("key", ["ssl_cert", "ssl_key"])
def test_one_half_of_tls_is_refused(project: Project, key: str) -> None:
    (project.root / "half.pem").touch()

    fault = refused(project.write(f"{key}: half.pem"))

    assert fault == (
        f"config.yaml: {key} = 'half.pem': stands alone. Fix: set both ssl_cert and ssl_key, "
        "or neither."
    )


@pytest.mark.parametrize("name", ["nobody.pem", "folder", "x" * 5_000, "a/../../b"])
def test_a_certificate_that_is_no_file_is_refused(project: Project, name: str) -> None:
    (project.root / "folder").mkdir()
    (project.root / "key.pem").touch()
    project.write(f"ssl_cert: {name}\nssl_key: key.pem")

    assert refused(project) == (
        f"config.yaml: ssl_cert = {name!r}: there is no such file. Fix: the path of a PEM file."
    )


def test_certificate_and_key_are_found_beside_the_configuration(project: Project) -> None:
    for name in ("cert.pem", "key.pem"):
        (project.root / name).touch()

    settings = project.write("ssl_cert: cert.pem\nssl_key: key.pem").load()

    assert settings.ssl_cert is not None


def test_a_door_that_lets_nobody_in_is_refused(project: Project) -> None:
    assert refused(project, GATEHOUSE_ALLOWED_ROLES="[]") == (
        "environment GATEHOUSE_ALLOWED_ROLES: allowed_roles = []: lets nobody in. "
        "Fix: name at least one role."
    )


def test_without_authentication_no_role_is_needed(project: Project) -> None:
    settings = project.load(GATEHOUSE_ALLOWED_ROLES="[]", GATEHOUSE_ENABLE_AUTH="false")

    assert settings.allowed_roles == ()


@pytest.mark.parametrize("address", ["http://hooks.example.org", "hooks.example.org", "x"])
def test_a_webhook_without_https_is_refused(project: Project, address: str) -> None:
    assert refused(project, SLACK_WEBHOOK=address) == (
        "environment SLACK_WEBHOOK: alerts.slack_webhook = ***: is not https. "
        "Fix: an https:// address."
    )


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_a_missing_secret_is_refused(project: Project, name: str) -> None:
    assert refused(project, APP_ENV=name, JWT_SECRET="") == (
        "config.yaml: security.jwt_secret: is missing. "
        "Fix: put the output of 'openssl rand -hex 32' into JWT_SECRET."
    )


@pytest.mark.parametrize(("algorithm", "least"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_one_byte_too_short_is_refused(
    project: Project, algorithm: str, least: int
) -> None:
    project.write(f"security: {{jwt_algorithm: {algorithm}}}")
    short = (BYTES * 4)[: least - 1]

    assert refused(project, APP_ENV="prod", JWT_SECRET=short) == (
        f"environment JWT_SECRET: security.jwt_secret = ***: is shorter than the {least} bytes of "
        f"{algorithm}. Fix: put the output of 'openssl rand -hex {least}' into JWT_SECRET."
    )


@pytest.mark.parametrize(("algorithm", "least"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
def test_a_secret_of_just_enough_bytes_is_taken(
    project: Project, algorithm: str, least: int
) -> None:
    project.write(f"security: {{jwt_algorithm: {algorithm}}}")

    secret = project.load(APP_ENV="prod", JWT_SECRET=(BYTES * 4)[:least]).security.jwt_secret

    assert secret is not None


def test_the_bytes_of_a_secret_count_and_not_its_letters(project: Project) -> None:
    assert project.load(APP_ENV="prod", JWT_SECRET="äöüßéèêëàâ" * 2).environment == "prod"


@pytest.mark.parametrize(
    "secret",
    [
        "your-256-bit-secret-your-256-bit-secret",
        "please-CHANGEME-before-you-deploy-this-0123456789",
        "change-me-change-me-change-me-change-me",
        "MyPassword0123456789MyPassword0123456789",
        "a" * 64,
        "0123" * 16,
    ],
)
@pytest.mark.parametrize("name", ["staging", "prod"])
def test_a_known_or_simple_secret_is_refused(project: Project, name: str, secret: str) -> None:
    fault = refused(project, APP_ENV=name, JWT_SECRET=secret)

    assert "security.jwt_secret = ***: is known or easy to guess" in fault


def test_dev_takes_any_secret(project: Project) -> None:
    assert project.load(JWT_SECRET="abc").security.jwt_secret is not None


@pytest.mark.parametrize(
    "key", ["security.jwt_secret", "metrics.scrape_token", "alerts.slack_webhook"]
)
def test_a_secret_filled_in_from_nothing_is_refused(project: Project, key: str) -> None:
    section, name = key.split(".")
    project.write(f'{section}: {{{name}: "${{NOTHING}}"}}')

    assert refused(project, NOTHING="").startswith(f"config.yaml: {key} = ***: ")


def test_prod_refuses_an_open_door(project: Project) -> None:
    assert refused(project.write("enable_auth: false"), APP_ENV="prod") == (
        "config.yaml: enable_auth = False: leaves the door open in prod. Fix: true."
    )


def test_prod_refuses_debug(project: Project) -> None:
    assert refused(project, APP_ENV="prod", FLASK_DEBUG="true") == (
        "environment FLASK_DEBUG: server.debug = 'true': shows the inside in prod. Fix: false."
    )


@pytest.mark.parametrize("name", ["dev", "staging"])
def test_only_prod_refuses_open_doors(project: Project, name: str) -> None:
    project.write("enable_auth: false\nserver: {debug: true}")

    assert project.load(APP_ENV=name, JWT_SECRET=GOOD_SECRET).server.debug


def test_all_refusals_come_at_once(project: Project) -> None:
    project.write("enable_auth: false\nserver: {debug: true}")

    assert len(project.refusal(APP_ENV="prod").splitlines()) == 4


@pytest.mark.parametrize("url", ["s3://", "S3:///models", "gs://", "memory://", "file:///"])
def test_a_registry_url_without_a_place_is_refused(project: Project, url: str) -> None:
    project.write(f"model: {{registry_path: '{url}'}}")

    assert refused(project) == (
        f"config.yaml: model.registry_path = '{url}': is a URL without a bucket or folder. "
        "Fix: a folder, or a URL such as s3://bucket/models or gs://bucket/models."
    )


@pytest.mark.parametrize("path", ["model/registry", "s3://b", "gs://b/m", "file:///srv/m"])
def test_a_registry_is_a_folder_or_a_url_with_a_place(project: Project, path: str) -> None:
    settings = project.write(f"model: {{registry_path: '{path}'}}").load()

    assert settings.model.registry_path == path
