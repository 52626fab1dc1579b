"""Import a file into a running Sluice: create an import, upload the file, wait for the result.

    make load FILE=products.csv  # RESOURCE=products is not needed
    python scripts/load.py users.jsonl.gz --resource users --url https://API --key sluice_…

The file is checked before the import is created. The exit code is 0 if every row was written, and 1
if the file was not imported. It is 2 if some rows were rejected: then the first ones and the URL of
the report are printed. Stopping this program does not stop the import.
"""

import argparse
import csv
import io
import itertools
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from local.state import home_of_system
from sluice import application

FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
POLL_SECONDS = 0.5
MAX_FAILED_POLLS = 20  # in a row: an import survives a restart of the local system
TIMEOUT = 30  # seconds, of one request
MAX_SHOWN_ROWS = 10  # of the rejected rows
BAR = "{desc:9} {percentage:3.0f}% |{bar:30}| {n_fmt} of {total_fmt}B  {elapsed} {postfix}"


class LoadError(Exception):
    """The file was not imported. The message says why."""


class ImportsClient:
    """A client of the imports API.

    Raises LoadError for a rejected request, and OSError for one that may succeed later.
    """

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"X-API-Key": key, "Content-Type": "application/json"}

    def create(self, resource: str, format: str, filename: str) -> dict[str, Any]:
        """Create an import and return it, with the URL for the upload."""
        body = json.dumps({"resource": resource, "format": format, "filename": filename}).encode()
        request = urllib.request.Request(f"{self._url}/api/imports", body, self._headers)  # noqa: S310
        return self._send(request)

    def job(self, id: int) -> dict[str, Any]:
        """Return the import with this id."""
        url = f"{self._url}/api/imports/{id}"
        return self._send(urllib.request.Request(url, headers=self._headers))  # noqa: S310

    def _send(self, request: urllib.request.Request) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
                return dict(json.load(response))
        except urllib.error.HTTPError as error:
            if error.code in (429, 503):
                raise service_error(error) from error
            raise LoadError(f"{request.full_url} responds with {_problem(error)}") from error


def service_error(error: urllib.error.HTTPError) -> Exception:
    """Return the exception for a 429 or 503: OSError if a later attempt may succeed.

    If the database is not set up, it is a LoadError, because an operator has to set it up.
    """
    try:
        problem = json.load(error)
    except ValueError:
        problem = {}
    if problem.get("code") == "not_set_up":
        return LoadError(f"{problem['detail']} (docs/own-database.md)")
    return OSError(f"{error.code}: {problem.get('detail', 'busy')}")


class _ProgressFile:
    """A file that reports how many bytes were read."""

    def __init__(self, file: IO[bytes], read: Callable[[int], object]) -> None:
        self._file = file
        self._read = read

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._read(len(data))
        return data


def import_file(api: ImportsClient, file: Path, resource: str, format: str) -> dict[str, Any]:
    """Import `file` and return the finished job. Show a progress bar if stderr is a terminal."""
    size = file.stat().st_size
    with file.open("rb") as opened, _bar("upload", size) as bar:
        job = api.create(resource, format, file.name)
        _put(job["upload_url"], _ProgressFile(opened, bar.update), size)
    with _bar("import", size) as bar:
        return _watch(api, job["id"], bar)


def _put(url: str, body: Any, size: int) -> None:
    headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
    request = urllib.request.Request(url, body, headers, method="PUT")  # noqa: S310
    try:
        urllib.request.urlopen(request, timeout=600).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        raise LoadError(f"the upload was rejected: {_problem(error)}") from error


def _watch(api: ImportsClient, id: int, bar: Any) -> dict[str, Any]:
    failed_polls = 0
    while True:
        try:
            job = api.job(id)
            failed_polls = 0
        except OSError as error:
            failed_polls += 1
            if failed_polls == MAX_FAILED_POLLS:
                raise LoadError(f"the status of import {id} cannot be read: {error}") from error
        else:
            bar.set_postfix_str(
                f"{job['rows_read']:,} rows, {job['rows_rejected']:,} rejected", refresh=False
            )
            bar.update(job["bytes_read"] - bar.n)
            if job["status"] in ("completed", "failed"):
                return job
        time.sleep(POLL_SECONDS)


def _bar(what: str, size: int) -> Any:
    return tqdm(
        desc=what,
        total=size,
        unit="B",
        unit_scale=True,
        bar_format=BAR,
        disable=not sys.stderr.isatty(),
        leave=True,
    )


def _problem(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        problem = json.loads(text)
        return f"{error.code}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"{error.code}: {text[:200] or error.reason}"


def _running(state: Path) -> Mapping[str, Any]:
    try:
        return dict(json.loads((state / "local.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        raise LoadError(
            f"no system is running ({state}/local.json is missing): `make run` first, or use --url"
        ) from None


def check_file(file: Path) -> str:
    """Return the format of a file. Raise LoadError if it cannot be imported."""
    if not file.exists():
        raise LoadError(f"{file} does not exist")
    if file.is_dir():
        raise LoadError(f"{file} is a directory; name a file in it")
    if not file.is_file():
        raise LoadError(f"{file} is not a regular file")
    format = _format(file)
    try:
        with file.open("rb") as opened:
            if not opened.read(1):
                raise LoadError(f"{file} is empty")
    except OSError as error:
        raise LoadError(f"{file} cannot be read: {error.strerror}") from None
    return format


def first_rejections(url: str) -> list[str]:
    """Return the first rejected rows of a report, each with its line and reason."""
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:  # noqa: S310
        rows = csv.DictReader(io.TextIOWrapper(response, encoding="utf-8", newline=""))
        return [_rejection(row) for row in itertools.islice(rows, MAX_SHOWN_ROWS)]


def _rejection(row: Mapping[str, str]) -> str:
    column = f", {row['column']}" if row["column"] else ""
    return f"  line {row['line']}{column}: {row['reason']} ({row['code']})"


def _show_rejections(job: Mapping[str, Any]) -> None:
    if not job["rejects_url"]:
        return
    try:
        lines = first_rejections(job["rejects_url"])
    except OSError as error:
        lines = [f"  the report cannot be read: {error}"]
    more = job["rows_rejected"] - len(lines)
    if more > 0:
        lines.append(f"  and {more:,} more")
    print("\n".join(["rejected:", *lines]))
    print(f"the whole report: {job['rejects_url']}")


def _format(file: Path) -> str:
    name = file.name.lower().removesuffix(".gz")
    try:
        return FORMATS[Path(name).suffix]
    except KeyError:
        raise LoadError(
            f"{file.name} must end in {', '.join(FORMATS)}, or in one of them and .gz"
        ) from None


def main(arguments: list[str] | None = None) -> int:
    """Import the file that the arguments name, and return the exit code."""
    app = application.current()
    if not app.imports:
        print(f"load: the application {app.name} has no imports", file=sys.stderr)
        return 1
    parser = argparse.ArgumentParser(description="Import a file into a running Sluice.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--resource", help="default: the file's name without its suffixes")
    parser.add_argument("--url", help="default: the URL of the running local system")
    parser.add_argument(
        "--key", help="an API key with imports:write and imports:read; or SLUICE_API_KEY"
    )
    chosen = parser.parse_args(arguments)
    # a variable keeps the key out of the shell's history
    key = chosen.key or os.environ.get("SLUICE_API_KEY")  # noqa: TID251
    began = time.monotonic()
    try:
        if chosen.url and not key:
            raise LoadError("an API key is missing: use --key, or set SLUICE_API_KEY")
        format = check_file(chosen.file)
        api = ImportsClient(
            chosen.url or _running(home_of_system())["base_url"], key or "local-admin"
        )
        resource = chosen.resource or chosen.file.name.partition(".")[0]
        job = import_file(api, chosen.file, resource, format)
        if job["status"] == "failed":
            _show_rejections(job)
            raise LoadError(f"import {job['id']} failed: {job['error']}")
    except (LoadError, OSError) as error:
        print(f"load: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nload: stopped waiting; an import that was uploaded continues", file=sys.stderr)
        return 130
    seconds = time.monotonic() - began
    rows_per_second = job["rows_read"] / seconds
    print(
        f"import {job['id']}: {job['rows_read']:,} rows read, {job['rows_written']:,} written, "
        f"{job['rows_rejected']:,} rejected, in {seconds:.1f} s ({rows_per_second:,.0f} rows/s)"
    )
    _show_rejections(job)
    return 2 if job["rows_rejected"] else 0


if __name__ == "__main__":
    sys.exit(main())
