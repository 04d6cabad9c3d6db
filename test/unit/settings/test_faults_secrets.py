"""A secret in a wrong place must not find its way into a message or a traceback."""

from __future__ import annotations

import traceback

import pytest

from test.unit.settings.project import Project

MARK = "Zx9Qk"
SECRET = MARK + "7vT2mB8nR4wL6pJ1hG3dF5sA0cYeUiOq"

IN_FILES = {
    "a key mistyped": f"security: {{jwt_secrt: {SECRET}}}",
    "a section mistyped": f"secure: {{jwt_secret: {SECRET}}}",
    "at the root": f"jwt_secret: {SECRET}",
    "under a name that says nothing": f"key: {SECRET}",
    "in another section": f"server: {{jwt_secret: {SECRET}}}",
    "as a list": f"security: {{jwt_secret: [{SECRET}]}}",
    "as a mapping": f"security: {{jwt_secret: {{value: {SECRET}}}}}",
    "as a mapping's key": f"security: {{jwt_secret: {{{SECRET}: 1}}}}",
    "below a plain key": f"rate_limit: {{jwt_secret: {SECRET}}}",
    "in a list below a plain key": f"rate_limit: [{{jwt_secret: {SECRET}}}]",
    "in a set": f"security: !!set {{{SECRET}}}",
    "in pairs": f"security: !!omap [jwt_secret: {SECRET}]",
    "as a section": f"security: {SECRET}",
    "without a space, as a section": f"security:\n  jwt_secret:{SECRET}",
    "without a space, as a key": f"security: {{jwt_secret:{SECRET}}}",
    "without a colon, as a key": f"security: {{{SECRET}}}",
    "as a section of a list": f"security: [{SECRET}]",
    "as a section of a list of mappings": f"security: [{{jwt_secret: {SECRET}}}]",
    "as a webhook's section": f"alerts: https://hooks.example.org/{SECRET}",
    "as a webhook without https": f"alerts: {{slack_webhook: 'http://{SECRET}'}}",
    "as a metrics section": f"metrics: {SECRET}",
    "as a scrape token in a list": f"metrics: {{scrape_token: [{SECRET}]}}",
    "as the whole file": SECRET,
    "as a shell line": f"JWT_SECRET={SECRET}",
    "in a list at the root": f"- {SECRET}",
    "as an alias": f"security: {{jwt_secret: *{SECRET}}}",
    "as a tag": f"security:\n  jwt_secret: !{SECRET} x",
    "in front of a broken line": f"security: {{jwt_secret: {SECRET}\nserver",
    "beside a missing variable": f'security: {{jwt_secret: "{SECRET}${{NOBODY}}"}}',
    "as a variable's default": f'security: {{jwt_secret: "${{JWT:-{SECRET}}}"}}',
    "as a variable's name": f'security: {{jwt_secret: "${{{SECRET}}}"}}',
    "as a key over a missing variable": f'security: {{"jwt_secret:{SECRET}": "${{NOBODY}}"}}',
    "filled in as a rate": 'rate_limit: "${FILLED}"',
    "filled in as a number": 'nan_replacement: "${FILLED}"',
    "filled in as a choice": 'security: {jwt_algorithm: "${FILLED}"}',
    "filled in as a file": 'ssl_cert: "${FILLED}"',
    "filled in as a role": 'allowed_roles: ["not a role ${FILLED}"]',
    "filled in as a section": 'security: "jwt_secret ${FILLED}"',
    "filled in as a list": 'security: {jwt_secret: ["${FILLED}"]}',
}
IN_VARIABLES = {
    "a section": ("GATEHOUSE_SECURITY", SECRET),
    "a section in a list": ("GATEHOUSE_SECURITY", f"[{SECRET}]"),
    "a section that is no YAML": ("GATEHOUSE_SECURITY", f"{{jwt_secret: {SECRET}"),
    "a section mistyped": ("GATEHOUSE_SECURTY__JWT_SECRET", SECRET),
    "a key mistyped": ("GATEHOUSE_SECURITY__JWT_SECRT", SECRET),
    "a key at the root": ("GATEHOUSE_JWT_SECRET", SECRET),
    "a key below the secret": ("GATEHOUSE_SECURITY__JWT_SECRET__VALUE", SECRET),
    "a list": ("JWT_SECRET", f"[{SECRET}]"),
    "a mapping": ("JWT_SECRET", f"{{a: {SECRET}}}"),
    "a webhook": ("SLACK_WEBHOOK", f"ftp://{SECRET}"),
    "a scrape token": ("GATEHOUSE_METRICS__SCRAPE_TOKEN", f"[{SECRET}]"),
}


@pytest.mark.parametrize("file", ["config.yaml", "configs/dev.yaml"])
@pytest.mark.parametrize("where", IN_FILES)
def test_a_misplaced_secret_in_a_file_stays_hidden(project: Project, where: str, file: str) -> None:
    error = project.write(IN_FILES[where], file).error(FILLED=SECRET)

    assert MARK not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("where", IN_VARIABLES)
def test_a_misplaced_secret_in_a_variable_stays_hidden(project: Project, where: str) -> None:
    name, value = IN_VARIABLES[where]

    error = project.error(**{name: value})

    assert MARK not in "".join(traceback.format_exception(error))


def test_a_weak_secret_is_not_shown(project: Project) -> None:
    error = project.error(APP_ENV="prod", JWT_SECRET=MARK)

    assert MARK not in "".join(traceback.format_exception(error))


def test_a_secret_beside_another_fault_is_not_shown(project: Project) -> None:
    error = project.error(PORT="0", JWT_SECRET=SECRET)

    assert MARK not in "".join(traceback.format_exception(error))


def test_a_numeric_secret_is_not_shown(project: Project) -> None:
    message = project.write("security: {jwt_secret: 918273645}").refusal()

    assert "918273645" not in message
