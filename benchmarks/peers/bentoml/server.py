"""Becomes ``bentoml serve``."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    program = Path(sys.executable).parent / "bentoml"
    folder = str(Path(__file__).parent)
    os.environ |= {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(Path.cwd())}
    command = ["serve", "--quiet", "--host", "127.0.0.1", "--port", os.environ["PORT"]]
    os.execv(program, [str(program), *command, "--working-dir", folder, "service:Sklearn"])
