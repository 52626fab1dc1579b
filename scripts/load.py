"""Import a file into a running Sluice, and watch it: announce it, put it where the answer says, wait for the report.

    make load FILE=products.csv
    python scripts/load.py users.jsonl.gz --resource users --url https://….execute-api.….amazonaws.com --key sk_…

The file is looked at first: one that cannot be imported is not announced. Ends with 0 if every row was written, with 2
if some were rejected (the first ones and the report's address are printed), and with 1 if the file was not imported.
Stopping it stops nothing but the watching: the import goes on by itself.
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

STATE = Path(".sluice")
RESOURCES = ("products", "inventory", "categories", "users")
FORMATS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
POLL_SECONDS, PATIENCE = (
    0.5,
    20,
)  # questions in a row that may go unanswered: an import outlives a restart
TIMEOUT = 30  # seconds, of one request
SHOWN = 10  # rejected rows
BAR = "{desc:9} {percentage:3.0f}% |{bar:30}| {n_fmt} of {total_fmt}B  {elapsed} {postfix}"


class LoadError(Exception):
    """The file was not imported; the message says why."""


class ImportsClient:
    """A running Sluice's imports. Raises LoadError for what it refuses, OSError where it does not answer."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"X-API-Key": key, "Content-Type": "application/json"}

    def announce(self, resource: str, format: str, filename: str) -> dict[str, Any]:
        body = json.dumps({"resource": resource, "format": format, "filename": filename}).encode()
        return self._ask(urllib.request.Request(f"{self._url}/api/imports", body, self._headers))  # noqa: S310

    def job(self, id: int) -> dict[str, Any]:
        return self._ask(
            urllib.request.Request(f"{self._url}/api/imports/{id}", headers=self._headers)  # noqa: S310
        )

    def _ask(self, request: urllib.request.Request) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - the URL that was asked for
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            if error.code in (429, 503):
                raise refusal(error) from error
            raise LoadError(f"{request.full_url} answers {_problem(error)}") from error


def refusal(error: urllib.error.HTTPError) -> Exception:
    """OSError if a later try may succeed. A database that is not set up needs its operator first."""
    try:
        problem = json.load(error)
    except ValueError:
        problem = {}
    if problem.get("code") == "not_set_up":
        return LoadError(f"{problem['detail']} (docs/own-database.md)")
    return OSError(f"{error.code}: {problem.get('detail', 'busy')}")


class _Watched:
    """A file that tells how much of it was read."""

    def __init__(self, file: IO[bytes], read: Callable[[int], object]) -> None:
        self._file = file
        self._read = read

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._read(len(data))
        return data


def import_file(api: ImportsClient, file: Path, resource: str, format: str) -> dict[str, Any]:
    """Import it, with a bar on a terminal's stderr; the job as it ended."""
    size = file.stat().st_size
    with file.open("rb") as opened, _bar("upload", size) as bar:
        job = api.announce(resource, format, file.name)
        _put(job["upload_url"], _Watched(opened, bar.update), size)
    with _bar("import", size) as bar:
        return _watch(api, job["id"], bar)


def _put(url: str, body: Any, size: int) -> None:
    headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
    request = urllib.request.Request(url, body, headers, method="PUT")  # noqa: S310 - the URL that the API gave
    try:
        urllib.request.urlopen(request, timeout=600).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        raise LoadError(f"the upload was refused: {_problem(error)}") from error


def _watch(api: ImportsClient, id: int, bar: Any) -> dict[str, Any]:
    unanswered = 0
    while True:
        try:
            job = api.job(id)
            unanswered = 0
        except OSError as error:
            unanswered += 1
            if unanswered == PATIENCE:
                raise LoadError(f"import {id} cannot be asked about any more: {error}") from error
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
            f"nothing runs here ({state}/local.json is missing): `make run` first, or give --url"
        ) from None


def look_at(file: Path) -> str:
    """Return the format of a file that can be uploaded. LoadError says why another cannot."""
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
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:  # noqa: S310 - the URL that the API returned
        rows = csv.DictReader(io.TextIOWrapper(response, encoding="utf-8", newline=""))
        return [
            f"  line {row['line']}{', ' if row['column'] else ''}{row['column']}: {row['reason']} ({row['code']})"
            for row in itertools.islice(rows, SHOWN)
        ]


def _show_rejections(job: Mapping[str, Any]) -> None:
    if not job["rejects_url"]:
        return
    try:
        lines = first_rejections(job["rejects_url"])
    except OSError as error:
        lines = [f"  the report cannot be read: {error}"]
    more = job["rows_rejected"] - len(lines)
    print("\n".join(["rejected:", *lines, *([f"  and {more:,} more"] if more > 0 else [])]))
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
    parser = argparse.ArgumentParser(description="Import a file into a running Sluice.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--resource", choices=RESOURCES, default="products")
    parser.add_argument("--url", help="by default that of `make run`, from its state folder")
    parser.add_argument(
        "--key", help="an API key with imports:write and imports:read; or SLUICE_API_KEY"
    )
    chosen = parser.parse_args(arguments)
    state = Path(os.environ.get("SLUICE_STATE") or STATE)  # noqa: TID251 - a tool's, as the local system reads it
    key = chosen.key or os.environ.get("SLUICE_API_KEY")  # noqa: TID251 - so that it need not stand in a shell's history
    began = time.monotonic()
    try:
        if chosen.url and not key:
            raise LoadError("whose import is it? Give --key, or set SLUICE_API_KEY")
        format = look_at(chosen.file)
        api = ImportsClient(chosen.url or _running(state)["base_url"], key or "local-admin")
        job = import_file(api, chosen.file, chosen.resource, format)
        if job["status"] == "failed":
            _show_rejections(job)
            raise LoadError(f"import {job['id']} failed: {job['error']}")
    except (LoadError, OSError) as error:
        print(f"load: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nload: no longer watching; an import that was uploaded goes on", file=sys.stderr)
        return 130
    seconds = time.monotonic() - began
    print(
        f"import {job['id']}: {job['rows_read']:,} rows read, {job['rows_written']:,} written, "
        f"{job['rows_rejected']:,} rejected, in {seconds:.1f} s ({job['rows_read'] / seconds:,.0f} rows/s)"
    )
    _show_rejections(job)
    return 2 if job["rows_rejected"] else 0


if __name__ == "__main__":
    sys.exit(main())
