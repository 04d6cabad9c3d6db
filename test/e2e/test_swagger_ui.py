"""Swagger UI in a real browser, over a real server."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    expect,
    sync_playwright,
)

from app.domain.contract import Contract
from test.api.stages import promote, shapes
from test.builders import a_classification_table, a_promoted_model, a_token
from test.e2e.programs import require_program
from test.e2e.server import Server, project, running_server

pytestmark = pytest.mark.e2e

SECONDS = 30.0
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.effectiveDirective} ${event.blockedURI}`);
});
"""


class Visit:
    """A page, all that it asked for, and all that it complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        page.add_init_script(REPORT_VIOLATIONS)
        page.context.on("request", self._see)
        page.context.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def authorise(self, pasted: str) -> None:
        self.page.get_by_role("button", name="Authorize").click()
        dialog = self.page.locator(".modal-ux")
        dialog.get_by_role("textbox").fill(pasted)
        dialog.get_by_role("textbox").press("Enter")
        dialog.get_by_role("button", name="Close").last.click()
        expect(dialog).to_have_count(0)

    def try_out(self, name: str = "predict") -> Locator:
        """Open a prediction and return its part of the page, ready to execute."""
        operation = self.page.locator(f"#operations-prediction-{name}")
        operation.locator(".opblock-summary-control").click()
        operation.get_by_role("button", name="Try it out").click()
        return operation

    def _see(self, request: Request) -> None:
        self.requests.append(request)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)


def _execute(operation: Locator) -> tuple[int, Any]:
    """Press Execute and return status and body as the page shows them."""
    operation.get_by_role("button", name="Execute").click()
    shown = operation.locator(".live-responses-table")
    status = shown.locator("tbody td.response-col_status")
    expect(status).to_have_text(re.compile(r"^\d{3}"))
    body = shown.locator(".highlight-code code").inner_text()
    return int(status.inner_text()[:3]), json.loads(body)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = require_program("chromium", "chromium")
    expect.set_options(timeout=SECONDS * 1e3)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("swagger")
    settings = project(root)
    a_promoted_model(settings, a_classification_table())
    promote(settings, "quoted", "texts")
    with running_server(root) as server:
        yield server


@pytest.fixture
def contract(server: Server) -> Contract:
    model = server.settings.path(server.settings.model.model_path)
    return Contract.model_validate_json(model.with_name("manifest.json").read_bytes())


@pytest.fixture
def model(server: Server) -> Any:
    return joblib.load(server.settings.path(server.settings.model.model_path))


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    context = browser.new_context()
    visit = Visit(context.new_page())
    visit.page.goto(f"{server.url}/apidocs")
    yield visit
    context.close()


@pytest.mark.parametrize("pasted", ["{}", "Bearer {}", " {}  "])
def test_a_pasted_token_opens_the_way_to_predictions(
    visit: Visit, server: Server, contract: Contract, model: Any, pasted: str
) -> None:
    token = a_token(sub="reader")
    visit.authorise(pasted.format(token))
    operation = visit.try_out()
    body = json.loads(operation.locator("textarea").input_value())
    status, answer = _execute(operation)

    assert body == {"data": [list(contract.example_row)]}
    assert status == 200
    assert answer["predictions"] == model.predict(np.array(body["data"])).tolist()
    assert answer["model"] == {"name": contract.name, "version": contract.version}

    sent = visit.requests[-1]
    assert (sent.method, sent.url) == ("POST", f"{server.url}/api/v1/predict")
    assert sent.headers["authorization"] == f"Bearer {token}"
    assert f"Bearer {token}'" in operation.locator(".curl").inner_text()
    paths = [_path(request, server) for request in visit.requests]
    assert "/apidocs/assets/swagger-ui-bundle.js" in paths
    assert visit.complaints == []


def _path(request: Request, server: Server) -> str:
    """Return the path of a request, which must go to the server under test."""
    assert request.url.startswith(f"{server.url}/")
    return request.url.removeprefix(server.url)


def test_another_example_can_be_chosen(visit: Visit, model: Any) -> None:
    visit.authorise(a_token(sub="chooser"))
    operation = visit.try_out()
    chooser = operation.locator(".opblock-section-request-body .examples-select select")
    chooser.select_option(label="With probabilities")
    row = json.loads(operation.locator("textarea").input_value())["data"]
    status, answer = _execute(operation)

    assert status == 200
    assert answer["probabilities"] == pytest.approx(model.predict_proba(np.array(row)))
    assert answer["classes"] == model.classes_.tolist()
    assert visit.complaints == []


@pytest.mark.parametrize("name", ["quoted", "texts"])
def test_each_model_has_its_own_example_and_a_curl_that_works(visit: Visit, name: str) -> None:
    visit.authorise(a_token(sub=f"reader of {name}"))
    operation = visit.try_out(f"predict-{name}")
    status, answer = _execute(operation)
    pasted = ["bash", "-c", operation.locator(".curl").inner_text()]
    done = subprocess.run(pasted, capture_output=True, text=True, check=True)

    expected = shapes()[name].estimator.predict(shapes()[name].given[:1]).tolist()
    assert (status, answer["predictions"]) == (200, expected)
    assert json.loads(done.stdout)["predictions"] == expected
    assert visit.complaints == []


def test_without_a_token_the_page_shows_why_there_is_no_answer(visit: Visit) -> None:
    status, answer = _execute(visit.try_out())

    assert status == 401
    assert answer["error"] == "Authorization token required"


def test_everything_on_the_page_unfolds_without_a_complaint(visit: Visit, server: Server) -> None:
    operations = visit.page.locator(".opblock")
    expect(operations.first).to_be_visible()
    for folded in (
        ".opblock-summary-control",
        "[role=tab]",
        "section.models [aria-expanded=false]",
    ):
        found = visit.page.locator(folded)
        assert found.count() > 0
        found.evaluate_all("elements => elements.forEach((element) => element.click())")

    expect(visit.page.locator(".opblock.is-open")).to_have_count(operations.count())
    expect(visit.page.locator("section.models table.model").first).to_be_visible()
    assert [_path(request, server) for request in visit.requests]
    assert visit.complaints == []


@pytest.mark.parametrize(
    "markup",
    [
        "<img src='http://localhost:1/pixel.png'>",
        "<img src='data:,' onerror='document.title = 1'>",
        "<p style='color: red'></p>",
    ],
)
def test_what_gets_into_the_page_can_do_nothing(visit: Visit, server: Server, markup: str) -> None:
    """The browser holds the page to its policy, and the tests above would have seen a breach."""
    expect(visit.page.get_by_role("button", name="Authorize")).to_be_visible()

    with visit.page.expect_console_message(lambda message: message.text.startswith("policy: ")):
        visit.page.evaluate("text => document.body.insertAdjacentHTML('beforeend', text)", markup)

    assert visit.complaints != []
    assert visit.page.title() == "Gatehouse"
    elsewhere = [r for r in visit.requests if not r.url.startswith((server.url, "data:"))]
    assert [request.failure for request in elsewhere] in ([], ["csp"])
