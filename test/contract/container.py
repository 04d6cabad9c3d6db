"""Dockerfile and compose file, read as text: what they say, by name."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from app.settings.overlay import PROJECT, load
from app.settings.schema import Settings
from test.builders import SECRET


def dockerfile_stages() -> list[list[tuple[str, str]]]:
    """Each stage as pairs of instruction and argument; what stands before the first is left out."""
    text = re.sub(r"^\s*#.*$", "", (PROJECT / "Dockerfile").read_text(), flags=re.MULTILINE)
    stages: list[list[tuple[str, str]]] = []
    for line in filter(None, text.replace("\\\n", " ").splitlines()):
        name, argument = line.split(maxsplit=1)
        if name == "FROM":
            stages.append([])
        if stages:
            stages[-1].append((name, argument.strip()))
    return stages


def final(name: str) -> str:
    """The argument that the last stage gives last to the instruction *name*."""
    return dict(dockerfile_stages()[-1])[name]


def variables_of_the_image() -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in shlex.split(final("ENV")))


def healthcheck_command() -> list[str]:
    command: list[str] = json.loads(final("HEALTHCHECK").partition("CMD ")[2])
    return command


def compose() -> dict[str, Any]:
    """The compose file as an operator gets it who sets nothing but the secret."""
    text = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", (PROJECT / "docker-compose.yml").read_text())
    text = re.sub(r"\$\{JWT_SECRET:\?[^}]+\}", SECRET, text)
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def bind_mounts(service: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Bind mounts of *service* by target."""
    volumes = service.get("volumes", [])
    return {volume["target"]: volume for volume in volumes if isinstance(volume, dict)}


def named_volumes(service: dict[str, Any]) -> dict[str, str]:
    """Where each named volume of *service* is mounted; the compose file declares all of them."""
    mounts = [volume for volume in service.get("volumes", []) if isinstance(volume, str)]
    found = dict(mount.split(":", 1) for mount in mounts)
    assert found.keys() <= compose()["volumes"].keys()
    return found


def settings_in_the_image(**more: str) -> Settings:
    return load(variables_of_the_image() | {"JWT_SECRET": SECRET} | more)


def in_the_image(path: Path) -> PurePosixPath:
    """Where *path* of the project lies in the image."""
    return PurePosixPath(final("WORKDIR")) / path.relative_to(PROJECT)
