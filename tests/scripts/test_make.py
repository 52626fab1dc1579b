"""make names what is missing, and passes its variables on to the scripts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make(
    *arguments: str, path: Path, dry: bool = False, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run make with only `path` and the system's tools on PATH; packages are up to date."""
    old = ["--old-file=.venv-sam/.done", "--old-file=.venv/.run", "--old-file=.venv/.bench"]
    home = os.environ.get("HOME", "/")
    environment = {"PATH": f"{path}:/usr/bin:/bin", "HOME": home, **variables}
    command = ["make", "--no-print-directory", *old, *(["--dry-run"] if dry else []), *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def without_python(tmp_path: Path) -> Path:
    """A folder with a python3.13 that does not run, like pyenv's for a version not selected."""
    (tmp_path / "python3.13").write_text(
        "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n"
    )
    (tmp_path / "python3.13").chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("target", ["build", "test-build"])
def test_build_without_python_offers_container(without_python: Path, target: str) -> None:
    done = make(target, path=without_python)
    assert done.returncode == 2
    assert "python3.13 with pip was not found" in done.stdout
    assert f"make {target} CONTAINER=1" in done.stdout
    assert "127" not in done.stdout + done.stderr


def test_container_build_needs_no_python(without_python: Path) -> None:
    done = make("build", "CONTAINER=1", path=without_python, dry=True)
    assert "sam build" in done.stdout
    assert "--use-container" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (
            ["key", "SCOPES=catalog:read orders:write"],
            'create "local" --scopes "catalog:read,orders:write"',
        ),
        (
            ["key", "SCOPES=catalog:read", "CLIENT=shop", "STACK=s"],
            '"shop" --scopes "catalog:read" --stack "s"',
        ),
        (["keys"], "scripts/api_keys.py list"),
        (["rotate-key", "ID=3f1c", "STACK=s"], 'rotate "3f1c" --stack "s"'),
        (["revoke-key", "ID=3f1c", "STACK=s"], 'revoke "3f1c" --stack "s"'),
        (["dead-letters", "STACK=s"], 'scripts/dead_letters.py list --stack "s"'),
        (["redrive", "ID=3f1c"], "scripts/dead_letters.py redrive 3f1c"),
        (["token", 'CLAIMS={"org_id": "7"}'], """--claims '{"org_id": "7"}'"""),
        (["load", "FILE=a b.csv", "RESOURCE=users"], 'load.py "a b.csv" --resource "users"'),
    ],
)
def test_targets_run_the_scripts(tmp_path: Path, arguments: list[str], command: str) -> None:
    done = make(*arguments, path=tmp_path, dry=True)
    assert done.returncode == 0, done.stderr
    assert command in " ".join(done.stdout.replace("\\\n", " ").split())


def test_audit_checks_every_package_and_skips_none(tmp_path: Path) -> None:
    """The files have hashes, so no resolver runs; with --strict, an unknown package fails."""
    done = make("audit", "--old-file=.venv-audit/.done", path=tmp_path, dry=True)
    assert "pip-audit --strict --disable-pip --require-hashes" in done.stdout
    assert "-r requirements/dev.txt" in done.stdout


@pytest.mark.parametrize(("arguments", "floor"), [([], False), (["ARGS=-k cursor"], True)])
def test_coverage_of_a_part_has_no_floor(tmp_path: Path, arguments: list[str], floor: bool) -> None:
    done = make("coverage", *arguments, "--old-file=.venv/.dev", path=tmp_path, dry=True)
    assert "--cov --cov-append" in done.stdout
    assert ("--fail-under=0" in done.stdout) is floor


def test_key_without_scopes_is_an_error(tmp_path: Path) -> None:
    done = make("key", path=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Set SCOPES:" in done.stderr


@pytest.mark.parametrize("name", ["production", "sluice", "shop sample", "%"])
def test_app_that_is_no_application_is_an_error(tmp_path: Path, name: str) -> None:
    for done in (make("run", path=tmp_path, APP=name), make("run", f"APP={name}", path=tmp_path)):
        assert done.returncode == 2
        assert f"APP is '{name}', which is no application" in done.stderr
        assert re.search("one of: agency( .*)? sample shop", done.stderr)


def test_app_names_the_application_of_a_command(tmp_path: Path) -> None:
    show = ["--eval=show: ; @echo $$SLUICE_APP", "show"]

    assert make(*show, path=tmp_path, APP="sample").stdout.strip() == "sample"
    assert make(*show, "APP=shop", path=tmp_path).stdout.strip() == "shop"
    assert make(*show, path=tmp_path).stdout.strip() == ""


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        *[("5 5 5 5", 2), ("0 5 5 5", 0), ("5 5 5 0", 0), ("0 0 0 0", 0)],
        *[("1 0 0 0", 2), ("0 1 0 0", 2), ("0 0 0 1", 2), ("5 5 5 1", 2)],
    ],
)
def test_sessions_without_any_test_fail(tmp_path: Path, codes: str, expected: int) -> None:
    """Each session exits with one of the codes; 5 means that it has no test."""
    (tmp_path / "codes").write_text(codes.replace(" ", "\n"))
    read = f"code=$(head -n 1 {tmp_path}/codes)\nsed -i 1d {tmp_path}/codes\nexit $code\n"
    done = make_test(tmp_path, read)
    assert done.returncode == expected, done.stderr
    assert ("No session has such a test" in done.stderr) is (codes == "5 5 5 5")


def test_dry_run_deploys_nothing(tmp_path: Path) -> None:
    """make runs a recipe's line that names $(MAKE) also in a dry run."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    python.chmod(0o755)

    done = make("deploy", "STAGE=aurora", f"BIN={tmp_path}", path=tmp_path, dry=True)
    assert done.returncode == 0, done.stderr
    assert 'scripts/deploy.py "aurora"' in done.stdout
    assert not (tmp_path / "ran").exists()


def make_test(tmp_path: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run `make test` with a shell script instead of Python."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}")
    python.chmod(0o755)
    return make("test", f"BIN={tmp_path}", "--old-file=.venv/.dev", path=tmp_path)


def test_last_lines_name_the_failed_tests(tmp_path: Path) -> None:
    """A session with two failures comes first, and two that pass follow it."""
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.fixture\ndef broken(): assert 0\n"
        "def test_wrong(): assert 0\ndef test_error(broken): pass\ndef test_right(): pass\n"
    )
    run = f"{sys.executable} -m pytest -q -rsfE -c /dev/null --rootdir {tmp_path}"
    run += f" -p tests.fixtures.failed_tests {tmp_path}/test_it.py"
    done = make_test(tmp_path, f'test "$SLUICE_APP" != sample && echo passed || {run}')

    assert done.returncode == 2
    assert done.stdout.splitlines()[-5:] == [
        *["passed"] * 2,
        "FAILED SLUICE_APP=sample test_it.py::test_wrong",
        "ERROR SLUICE_APP=sample test_it.py::test_error",
        "Failed sessions: sample",
    ]


def test_environments_are_where_sluice_venv_says(tmp_path: Path) -> None:
    """A container keeps them outside the folder that it shares with its host."""
    elsewhere = str(tmp_path / "packages")
    done = make("run", "check", path=tmp_path, dry=True, SLUICE_VENV=elsewhere)
    assert done.returncode == 0, done.stderr
    assert f"-m venv {elsewhere}\n" in done.stdout
    assert f"-m venv {elsewhere}-sam\n" in done.stdout
    assert f"exec {elsewhere}/bin/python -m local" in done.stdout
    assert f"{elsewhere}-sam/bin/sam validate" in done.stdout
    assert ".venv" not in done.stdout


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("rotate-key", "Set ID, which `make keys` lists: make rotate-key ID="),
        ("revoke-key", "Set ID, which `make keys` lists: make revoke-key ID="),
        ("deploy", "Set STAGE to a section of samconfig.toml"),
    ],
)
def test_missing_variable_is_named_first(tmp_path: Path, target: str, message: str) -> None:
    """An empty ID would be the beginning of each key's id. SAM CLI takes minutes to install."""
    done = make(target, path=tmp_path)

    assert done.returncode == 2
    assert (done.stdout + done.stderr).startswith(message)
