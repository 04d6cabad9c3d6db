from __future__ import annotations

import pytest

from test.unit.settings.project import GOOD_SECRET, Project


def only(message: str) -> str:
    """The one fault in *message*, without the headline."""
    headline, fault = message.split("\n")
    assert headline == "the settings are refused (APP_ENV=dev):"
    return fault.strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "server: {prot: 1}",
            "server.prot = ***: there is no such key. Fix: did you mean server.port?",
        ),
        ("sever: {port: 1}", "sever: there is no such key. Fix: did you mean server?"),
        (
            "log: {fil: 1}",
            "log.fil = ***: there is no such key. Fix: did you mean log.file?",
        ),
        ("nonsense: 1", "nonsense = ***: there is no such key. Fix: remove it."),
        ("server: {1: 2}", "server.1 = ***: there is no such key. Fix: remove it."),
    ],
)
def test_an_unknown_key_comes_with_the_one_that_may_be_meant(
    project: Project, text: str, expected: str
) -> None:
    assert only(project.write(text).refusal()) == f"config.yaml: {expected}"


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("server: {port: many}", "server.port", "'many'"),
        ("server: {port: 70000}", "server.port", "70000"),
        ("server: {port: 1.5}", "server.port", "1.5"),
        ("server: {port: yes}", "server.port", "True"),
        ("server: {port: [5000]}", "server.port", "[5000]"),
        ("server: {workers: 0}", "server.workers", "0"),
        ("server: {kind: apache}", "server.kind", "'apache'"),
        ("server: {debug: 7}", "server.debug", "7"),
        ("cache: {max_entries: -1}", "cache.max_entries", "-1"),
        ("model: {retries: 2000}", "model.retries", "2000"),
        ("model: {retry_delay_seconds: .inf}", "model.retry_delay_seconds", "inf"),
        ("model: {model_path: 5}", "model.model_path", "5"),
        ("model: {sha256: abc}", "model.sha256", "'abc'"),
        ("model: {input_validation: {min_value: .nan}}", "model.input_validation.min_value", "nan"),
        ("security: {jwt_algorithm: none}", "security.jwt_algorithm", "'none'"),
        ("security: {jwt_algorithm: RS256}", "security.jwt_algorithm", "'RS256'"),
        ("security: {token_expire_minutes: 525601}", "security.token_expire_minutes", "525601"),
        ("security: {failed_auth_limit: often}", "security.failed_auth_limit", "'often'"),
        ("rate_limit: 100", "rate_limit", "100"),
        ("rate_limit: 0 per minute", "rate_limit", "'0 per minute'"),
        ("rate_limit: 1 per minute; 2 per minute", "rate_limit", "'1 per minute; 2 per minute'"),
        ("enable_auth: maybe", "enable_auth", "'maybe'"),
        ("nan_replacement: true", "nan_replacement", "True"),
        ("allowed_roles: admin", "allowed_roles", "'admin'"),
        ("allowed_roles: [admin, 7]", "allowed_roles.1", "7"),
        ("allowed_roles: ['a b']", "allowed_roles.0", "'a b'"),
        ("cors: {allowed_origins: ['*']}", "cors.allowed_origins.0", "'*'"),
        ("log: {level: loud}", "log.level", "'loud'"),
    ],
)
def test_a_wrong_value_is_named_with_its_file_and_key(
    project: Project, text: str, key: str, value: str
) -> None:
    message = only(project.write(text, "configs/dev.yaml").refusal())

    assert message.startswith(f"configs/dev.yaml: {key} = {value}: ")


def test_the_fix_says_what_is_right(project: Project) -> None:
    message = only(project.write("server: {port: 0}").refusal())

    assert message.endswith("Fix: a port from 1 to 65535.")


@pytest.mark.parametrize("value", ["5", "[1, 2]", "yes", "text", ""])
def test_a_section_must_hold_keys(project: Project, value: str) -> None:
    message = only(project.write(f"server: {value}").refusal())

    assert message.startswith("config.yaml: server")
    assert message.endswith("Fix: a group of keys.")


def test_a_key_below_a_plain_value_is_refused(project: Project) -> None:
    message = only(project.write("rate_limit: {requests: 5}").refusal())

    assert message.startswith("config.yaml: rate_limit: input should be a valid string")


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("PORT", "many", "server.port"),
        ("GATEHOUSE_SERVER__PORT", "many", "server.port"),
        ("GATEHOUSE_MODEL", "{input_validation: {min_value: many}}", "model.input_validation"),
        ("GATEHOUSE_ALLOWED_ROLES", "[admin, 'a b']", "allowed_roles.1"),
        ("GATEHOUSE_SEVER__PORT", "5000", "sever"),
        ("GATEHOUSE_", "5000", ""),
    ],
)
def test_a_wrong_variable_is_named_with_its_key(
    project: Project, name: str, value: str, key: str
) -> None:
    assert only(project.refusal(**{name: value})).startswith(f"environment {name}: {key}")


@pytest.mark.parametrize("name", ["JWT_SECRET", "HOST", "SERVER", "GATEHOUSE_LOG__FILE"])
def test_a_variable_that_is_no_utf_8_is_refused(project: Project, name: str) -> None:
    assert only(project.refusal(**{name: "a\udce9"})).startswith(f"environment {name}: ")


def test_the_source_that_is_wrong_is_blamed(project: Project) -> None:
    project.write("server: {port: 0}").write("server: {port: 8001}", "configs/dev.yaml")

    assert only(project.refusal()).startswith("config.yaml: server.port = 0:")


def test_a_section_that_is_none_is_refused_though_a_variable_would_replace_it(
    project: Project,
) -> None:
    message = only(project.write("security: jwt_algorithm:HS512").refusal(JWT_SECRET=GOOD_SECRET))

    assert message.startswith("config.yaml: security = ***:")


def test_all_faults_come_at_once(project: Project) -> None:
    project.write("server: {port: 0, workers: 0}").write("rate_limit: 5", "configs/dev.yaml")

    assert len(project.refusal(CACHE_SIZE="-1").splitlines()) == 5


@pytest.mark.parametrize(("key", "variable"), [("environment", "APP_ENV"), ("root", "CONFIG_PATH")])
def test_what_a_variable_alone_sets_is_refused_in_a_file(
    project: Project, key: str, variable: str
) -> None:
    expected = f"config.yaml: {key} = 'dev': cannot be set here. Fix: set {variable} instead."

    assert only(project.write(f"{key}: dev").refusal()) == expected


def test_a_printed_settings_object_keeps_the_secret(project: Project) -> None:
    assert GOOD_SECRET not in repr(project.load(JWT_SECRET=GOOD_SECRET))
