"""Faults inside lists and mappings of groups, such as policies and audited models."""

from __future__ import annotations

import pytest

from test.unit.settings.project import Project
from test.unit.settings.test_faults import only

NAMES_OF_MODELS = "model names, each with inputs, outputs and features of its own."


@pytest.mark.parametrize(
    ("text", "said", "fix"),
    [
        (
            "limits: {policies: [{name: burst, rates: often}]}",
            "limits.policies.0.rates = 'often': is no list of rates",
            "as '10 per second; 10000 per day'.",
        ),
        (
            "limits: {policies: [{name: a, rates: 1 per day, cost: 7}]}",
            "limits.policies.0.cost = 7: input should be 'requests' or 'rows'",
            "what is counted: requests or rows.",
        ),
        (
            "limits: {policies: [{rates: 1 per day}]}",
            "limits.policies.0.name: field required",
            "lower-case letters, digits, '-' and '_'.",
        ),
        (
            "grants: [{actions: [predict, fly]}]",
            "grants.0.actions.1 = 'fly': input should be 'predict'",
            "a list of predict, read, admin.",
        ),
        (
            "grants: [{actions: [predict], roles: [ok, 'a b']}]",
            "grants.0.roles.1 = 'a b': string should match pattern",
            "a list of role names.",
        ),
        (
            "audit: {models: {churn: {inputs: hidden}}}",
            "audit.models.churn.inputs = 'hidden': input should be 'whole'",
            "whole, hashed or omitted; nothing: as the rest.",
        ),
        (
            "audit: {models: {churn: {features: {age: hash}}}}",
            "audit.models.churn.features.age = 'hash': input should be 'whole'",
            "feature names, each with whole, hashed or omitted.",
        ),
        (
            "audit: {models: {Churn: {inputs: whole}}}",
            "audit.models.Churn: string should match pattern",
            NAMES_OF_MODELS,
        ),
        (
            "audit: {models: {churn: whole}}",
            "audit.models.churn = ***: input should be a valid dictionary",
            NAMES_OF_MODELS,
        ),
        (
            "limits: {policies: [burst]}",
            "limits.policies.0 = ***: input should be a valid dictionary",
            "a list of policies: name, rates, roles, models, cost, replaces_default.",
        ),
        (
            "limits: {policies: {name: burst}}",
            "limits.policies: input should be a valid tuple",
            "a list of policies: name, rates, roles, models, cost, replaces_default.",
        ),
        (
            "limits: {policies: [{name: a, rate: 1 per day, rates: 1 per day}]}",
            "limits.policies.0.rate = ***: there is no such key",
            "did you mean limits.policies.0.rates?",
        ),
        (
            "audit: {models: {churn: {input: whole}}}",
            "audit.models.churn.input = ***: there is no such key",
            "did you mean audit.models.churn.inputs?",
        ),
    ],
)
def test_a_fault_inside_a_list_or_a_mapping_comes_with_its_own_fix(
    project: Project, text: str, said: str, fix: str
) -> None:
    message = only(project.write(text).refusal())

    assert message.startswith(f"config.yaml: {said}")
    assert message.endswith(f"Fix: {fix}")


def test_a_fault_in_a_list_of_the_environment_is_named(project: Project) -> None:
    policies = "[{name: burst, rates: often}]"

    message = only(project.refusal(GATEHOUSE_LIMITS__POLICIES=policies))

    assert message.startswith(
        "environment GATEHOUSE_LIMITS__POLICIES: limits.policies.0.rates = 'often'"
    )


@pytest.mark.parametrize(
    "text",
    [
        "limits: {storage: [redis://:hunter2@host]}",
        "limits: {storage: {a: hunter2}}",
        "audit: {url: [hunter2]}",
        "limits: {policies: hunter2}",
        "limits: {policies: [hunter2]}",
        "limits: {policies: [{key: hunter2}]}",
        "limits: {policies: [{name: {a: hunter2}}]}",
        "grants: hunter2",
        "audit: {models: hunter2}",
        "audit: {models: {churn: hunter2}}",
        "audit: {models: {churn: {key: hunter2}}}",
        "security: {jwks: ['https://me:hunter2@127.0.0.1/']}",
        "streaming: {kafka: {bootstrap_servers: ['me:hunter2@127.0.0.1']}}",
    ],
)
def test_what_may_be_a_secret_is_not_shown(project: Project, text: str) -> None:
    message = project.write(text).refusal()

    assert "hunter2" not in message
