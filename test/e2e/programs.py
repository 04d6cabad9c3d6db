"""Programs that some tests need: a user's machine may lack them, the build machine may not."""

from __future__ import annotations

import os
import shutil

import pytest


def require_program(name: str, package: str) -> str:
    """Return the path of *name*; without it skip, or fail when ``CI=true``.

    Args:
        name: a command.
        package: the Debian package that brings it.
    """
    found = shutil.which(name)
    if found is not None:
        return found
    message = f"needs {name}: apt-get install {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
