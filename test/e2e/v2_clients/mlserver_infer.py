"""Runs MLServer's own ``mlserver infer`` once for each list of arguments in a JSON file.

All in one process, whose import takes seconds: ``python mlserver_infer.py FILE``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from mlserver.cli.main import root  # type: ignore[import-not-found]

if __name__ == "__main__":
    for arguments in json.loads(Path(sys.argv[1]).read_bytes()):
        root(["infer", *arguments], standalone_mode=False)
