"""What a newcomer is told to open is there, and nothing is imported before it is needed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.settings.overlay import PROJECT
from test.builders import a_promoted_model, some_settings
from test.unit.scripts.process import environment

pytestmark = pytest.mark.usefixtures("unmeasured_processes")

PAPERS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md"), PROJECT / "Makefile"])
_PATH = re.compile(r"(?<![\w./])((?:app|scripts|jwt_tools|benchmarks|configs|test)/[\w./-]+\.\w+)")
_MODULE = re.compile(r"-m ((?:app|scripts|jwt_tools|benchmarks)(?:\.\w+)+)")
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
HEAVY = {"pandas", "mlflow", "pyarrow", "matplotlib", "seaborn", "plotly", "ray", "evidently"}
IMPORTED = """
import json, sys
import {module}
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""
# scikit-learn itself looks for pandas and does without it; a serving machine has none to find.
WITHOUT_HEAVY = f"""
import json, sys
askers = []
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(HEAVY)}:
            frame = sys._getframe(1)
            while "importlib" in frame.f_code.co_filename:
                frame = frame.f_back
            askers.append(frame.f_code.co_filename)
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Nothing())
from app.wsgi import app
ready = app.test_client().get("/readyz").status_code
print(json.dumps([ready, askers, [name for name in {sorted(HEAVY)} if name in sys.modules]]))
"""


def said_by(code: str, variables: dict[str, str]) -> Any:
    """Return what *code* prints, as JSON, in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=variables,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


def imported_by(module: str, variables: dict[str, str]) -> set[str]:
    """Name every top-level package that a fresh interpreter has after importing *module*."""
    return set(said_by(IMPORTED.format(module=module), variables))


def papers_about(pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    return sorted(
        {
            (str(paper.relative_to(PROJECT)), found)
            for paper in PAPERS
            for found in pattern.findall(paper.read_text())
        }
    )


def test_importing_app_pulls_in_no_flask(tmp_path: Path) -> None:
    assert not imported_by("app", environment(tmp_path)) & {"flask", "werkzeug", "sklearn"}


def test_importing_the_domain_pulls_in_no_machine(tmp_path: Path) -> None:
    machines = {"flask", "werkzeug", "sklearn", "joblib", "yaml", "lmdb", "prometheus_client"}

    assert not imported_by("app.domain.prediction", environment(tmp_path)) & machines


def test_settings_are_checked_without_loading_scikit_learn(tmp_path: Path) -> None:
    assert not imported_by("app.serve", environment(tmp_path)) & {"sklearn", "flask", "numpy"}


def test_the_serving_plane_starts_without_the_libraries_of_the_life_cycle(tmp_path: Path) -> None:
    a_promoted_model(some_settings(tmp_path))

    ready, askers, imported = said_by(WITHOUT_HEAVY, environment(tmp_path))

    assert (ready, imported) == (200, [])
    assert not [asker for asker in askers if Path(asker).is_relative_to(PROJECT / "app")]


def test_a_worker_that_serves_a_compiled_engine_needs_no_scikit_learn(tmp_path: Path) -> None:
    a_promoted_model(some_settings(tmp_path))

    unneeded = {"sklearn", "scipy", "joblib", "onnxruntime", "nanoarrow"}
    assert not imported_by("app.wsgi", environment(tmp_path)) & unneeded


@pytest.mark.parametrize(("paper", "path"), papers_about(_PATH))
def test_a_file_that_a_paper_names_exists(paper: str, path: str) -> None:
    assert (PROJECT / path).is_file(), f"{paper} names {path}"


@pytest.mark.parametrize(("paper", "module"), papers_about(_MODULE))
def test_a_module_that_a_paper_runs_exists(paper: str, module: str) -> None:
    path = PROJECT / module.replace(".", "/")

    runs = path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
    assert runs, f"{paper} runs {module}"


@pytest.mark.parametrize(("paper", "link"), papers_about(_LINK))
def test_a_link_in_a_paper_leads_somewhere(paper: str, link: str) -> None:
    assert (PROJECT / paper).parent.joinpath(link).exists()


@pytest.mark.parametrize("script", sorted((PROJECT / "scripts").glob("[!_]*.py")), ids=str)
def test_a_script_runs_by_path_and_as_a_module(script: Path) -> None:
    text = script.read_text()

    assert text.rstrip().endswith('if __name__ == "__main__":\n    raise SystemExit(main())')
