"""What the servers import: ``granian --interface wsgi app.wsgi:app``, ``gunicorn app.wsgi:app``."""

from __future__ import annotations

import gc
import os

from app.cores import claim_core
from app.settings.overlay import load

settings = load()
settings.metrics_directory.mkdir(parents=True, exist_ok=True)
if settings.server.pin_workers:
    claim_core(settings.path(settings.runtime_path) / "cores")
# prometheus-client looks at this variable once, when it is imported.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.metrics_directory)

from app.factory import configure_log, create_app  # noqa: E402
from app.wiring import build_services  # noqa: E402

configure_log(settings)
app = create_app(services=build_services(settings, settings.metrics_directory))

# All this stays as long as the worker. Looking through it for garbage again and again, while the
# audit log's queue grows, cost a tenth of the answers and made the slowest three times as slow.
gc.freeze()
gc.set_threshold(50_000, 20, 20)
