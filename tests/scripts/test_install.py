"""scripts/install.py shows what it installs, and keeps the errors of pip and uv."""

import base64
import hashlib
import os
import pty
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/install.py"
NAMES = ("lake", "river")


def make_wheel(folder: Path, name: str) -> str:
    """Write a wheel with one module, and return its hash."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    files = {
        f"{name}.py": "",
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{name}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{name}-1.0.dist-info/RECORD"
    lines = []
    for file, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode()
        lines.append(f"{file},sha256={digest.rstrip('=')},{len(text)}\n")
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in (files | {record: f"{''.join(lines)}{record},,\n"}).items():
            wheel.writestr(file, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    pins = [f"{name}==1.0 --hash=sha256:{make_wheel(tmp_path, name)}\n" for name in NAMES]
    path = tmp_path / "requirements.txt"
    path.write_text("".join(pins))
    return path


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return variables with which pip installs from the folder into its folder `target`."""
    home = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}
    pip |= {"PIP_TARGET": str(folder / "target"), "PIP_NO_CACHE_DIR": "1"}
    return home | pip | {"TERM": "xterm"} | variables


def install(requirements: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(requirements), "of the valley", *arguments]
    return subprocess.run(
        command,
        env=environment(requirements.parent),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def install_on_terminal(requirements: Path, **variables: str) -> str:
    """Run the script with a terminal as its stderr, and return what it wrote there."""
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(requirements), "of the valley"],
        env=environment(requirements.parent, **variables),
        stderr=its_end,
    )
    os.close(its_end)
    written = b""
    try:
        while read := os.read(terminal, 4096):
            written += read
    except OSError:  # Linux reports the end of the other side as an error
        pass
    os.close(terminal)
    assert process.wait(60) == 0
    return written.decode()


def uv(folder: Path, code: int) -> str:
    """Return the path of a program that notes its arguments, as uv would be called."""
    program = folder / "uv"
    program.write_text(
        f'#!/bin/sh\necho "$@" >{folder}/arguments\necho uv is here >&2\nexit {code}\n'
    )
    program.chmod(0o755)
    return str(program)


def test_number_and_time_are_announced(requirements: Path) -> None:
    done = install(requirements)

    assert (done.returncode, done.stdout) == (0, "")
    first, last = done.stderr.splitlines()
    assert first.startswith("Installing 2 packages of the valley into ")
    assert first.endswith(" with pip: a minute or two")
    assert last.startswith("Installed the packages of the valley in ")
    assert {path.name for path in (requirements.parent / "target").glob("*.py")} == {
        *("lake.py", "river.py")
    }


def test_terminal_shows_each_package(requirements: Path) -> None:
    written = install_on_terminal(requirements)

    assert "\x1b[2m1 of 2: lake" in written
    assert "\x1b[2m2 of 2: river" in written
    assert "\x1b[32mInstalled the packages of the valley" in written


def test_no_color_turns_off_colours(requirements: Path) -> None:
    written = install_on_terminal(requirements, NO_COLOR="1")

    assert "2 of 2: river" in written
    assert "\x1b[2m" not in written
    assert "\x1b[32m" not in written


def test_error_of_pip_is_shown(requirements: Path) -> None:
    requirements.write_text("lake==1.0 --hash=sha256:" + "0" * 64 + "\n")
    done = install(requirements)

    assert done.returncode == 1
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    assert "could not be installed; see the messages above" in done.stderr.splitlines()[-1]


def test_uv_is_used_if_it_is_there(requirements: Path) -> None:
    done = install(requirements, "--uv", uv(requirements.parent, 0))

    assert done.returncode == 0, done.stderr
    assert " with uv: less than a minute" in done.stderr
    arguments = (requirements.parent / "arguments").read_text().split()
    assert arguments[:3] == ["pip", "install", "--require-hashes"]
    assert arguments[-4:] == ["--python", sys.executable, "-r", str(requirements)]
    assert not (requirements.parent / "target").exists()


@pytest.mark.parametrize("missing", [False, True])
def test_pip_is_used_if_uv_fails(requirements: Path, missing: bool) -> None:
    program = "/nowhere/uv" if missing else uv(requirements.parent, 2)
    done = install(requirements, "--uv", program)

    assert done.returncode == 0, done.stderr
    assert ("No such file" if missing else "uv is here") in done.stderr
    assert "uv has failed, see above; pip is tried instead" in done.stderr
    assert (requirements.parent / "target/river.py").exists()
