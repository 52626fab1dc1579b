"""compose.yaml, the dev container and their image fit each other, the Makefile and the settings."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sluice import application

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / ".devcontainer/Dockerfile"
MAKEFILE = (ROOT / "Makefile").read_text()
PORT = "${PORT:-3000}"
STRING_OR_COMMENT = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*')
INSTRUCTION = re.compile(r"^([A-Z]+) +((?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE)
FILES = [DOCKERFILE, ROOT / ".devcontainer/devcontainer.json", ROOT / "compose.yaml"]


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "compose.yaml").read_text()))


def service() -> dict[str, Any]:
    (only,) = compose()["services"].values()
    return dict(only)


def devcontainer() -> dict[str, Any]:
    text = (ROOT / ".devcontainer/devcontainer.json").read_text()
    parsed: dict[str, Any] = json.loads(STRING_OR_COMMENT.sub(lambda match: match[1] or "", text))
    return parsed


def instructions(name: str) -> list[str]:
    text = "\n".join(line for line in DOCKERFILE.read_text().splitlines() if line[:1] != "#")
    found = [(match[1], match[2].replace("\\\n", " ")) for match in INSTRUCTION.finditer(text)]
    return [argument for instruction, argument in found if instruction == name]


def environment() -> dict[str, str]:
    """Return what the image sets."""
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(instructions("ENV"))))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_images_and_tools_have_short_names(file: Path) -> None:
    """No registry's host is named: Docker's default, or the mirror of a company, serves them."""
    named = re.findall(r"^\s*(?:FROM|\"?image\"?:|\"?features\"?:)\s*(.*)$", file.read_text(), re.M)

    assert named == (["python:3.13-slim"] if file == DOCKERFILE else [])
    assert re.findall(r"\b(?:[\w-]+\.)+(?:io|com|org|net|dev)\b", file.read_text()) == []


def test_image_has_the_python_of_lambda() -> None:
    in_lambda = re.search(r"Runtime: python([\d.]+)", (ROOT / "template.yaml").read_text())

    assert in_lambda
    assert instructions("FROM") == [f"python:{in_lambda[1]}-slim"]


def test_containers_run_as_another_user_than_root() -> None:
    *_, last = instructions("USER")

    assert last == devcontainer()["remoteUser"] == "sluice"
    assert "user" not in service()
    assert "useradd" in " ".join(instructions("RUN"))
    assert service()["cap_drop"] == ["ALL"]
    assert service()["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "cap_add", "devices"} & service().keys()
    assert not {"runArgs", "privileged", "capAdd"} & devcontainer().keys()


def test_published_port_is_on_loopback_and_the_same_inside() -> None:
    """The gateway compares the port of the Host header with its own."""
    default = re.search(r"^PORT \?= (\d+)$", MAKEFILE, re.MULTILINE)

    assert default
    assert service()["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    assert f"PORT={PORT}" in service()["environment"]
    assert f"${{PORT:-{default[1]}}}" == PORT
    assert devcontainer()["forwardPorts"] == [int(default[1])]
    assert devcontainer()["portsAttributes"][default[1]]["requireLocalPort"] is True
    assert "appPort" not in devcontainer()


@pytest.mark.skipif(
    not (ROOT / "layers/shared" / application.current().name).is_dir(),
    reason="the local system serves only an application in layers/shared",
)
def test_command_of_compose_starts_the_system() -> None:
    program, target, arguments = service()["command"]
    assert (program, target) == ("make", "run")
    assert re.search(r"^run:.*\n\t@exec \$\(BIN\)/python -m local .*\$\(ARGS\)$", MAKEFILE, re.M)
    options = arguments.removeprefix("ARGS=").split()
    assert options == ["--listen", "0.0.0.0"]  # noqa: S104 - in the container

    command = [sys.executable, "-m", "local", *options, "--port", "none"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "PORT must be a number" in done.stderr  # the options before it were accepted


def test_compose_passes_on_variables_of_make_run() -> None:
    passed = {name.partition("=")[0] for name in service()["environment"]}
    line = re.search(r"^run:.*## (.*)$", MAKEFILE, re.MULTILINE)

    assert line
    assert passed == set(re.findall(r"([A-Z_]+)=", line[1])) - {"ARGS"}


def test_state_is_in_a_volume_and_the_repository_is_mounted() -> None:
    state, folder = environment()["SLUICE_STATE"], instructions("WORKDIR")[-1]
    (volume,) = compose()["volumes"]

    assert service()["volumes"] == [f".:{folder}", f"{volume}:{state}"]
    assert devcontainer()["workspaceFolder"] == folder
    assert f"target={folder},type=bind" in devcontainer()["workspaceMount"]
    (mount,) = devcontainer()["mounts"]
    assert mount.endswith(f"target={state},type=volume")
    # A volume takes its owner from the image.
    created = next(run for run in instructions("RUN") if "install --directory" in run)
    assert f"--owner sluice --group sluice {folder} {state}" in created
    assert not environment()["SLUICE_VENV"].startswith(folder)


def test_both_containers_are_of_one_image() -> None:
    built = service()["build"]
    build = devcontainer()["build"]
    base = ROOT / ".devcontainer"

    assert (ROOT / built["context"] / built["dockerfile"]) == DOCKERFILE
    assert (base / build["dockerfile"]).resolve() == DOCKERFILE.resolve()
    assert (base / build["context"]).resolve() == (ROOT / built["context"]).resolve()
    assert [f"{name}={value}" for name, value in built["args"].items()] == [
        "USER_ID=${USER_ID:-1000}"
    ]
    assert instructions("ARG") == ["USER_ID=1000"]
    settings = devcontainer()["customizations"]["vscode"]["settings"]
    interpreter = settings["python.defaultInterpreterPath"]
    assert interpreter == f"{environment()['SLUICE_VENV']}/bin/python"


def test_image_installs_with_the_copied_files_alone(tmp_path: Path) -> None:
    copied = [source for copy in instructions("COPY") for source in copy.split()[:-1]]
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert [f"!{source}" for source in copied] == [line for line in allowed if line[:1] == "!"]
    assert "*" in allowed
    for source in copied:
        target = tmp_path / source
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target)
        else:
            shutil.copy2(ROOT / source, target)
    environ = {"PATH": os.environ["PATH"], "SLUICE_VENV": str(tmp_path / "packages")}
    # the image's last step, and the first one of the dev container
    for command in (instructions("RUN")[-1], devcontainer()["postCreateCommand"]):
        assert command.startswith("make ")
        done = subprocess.run(  # noqa: S602 - commands of this repository
            command.replace("make ", "make --dry-run ", 1),
            shell=True,
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert f"{tmp_path}/packages/bin/python scripts/install.py" in done.stdout
