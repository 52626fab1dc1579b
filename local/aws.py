"""Run moto's server, which emulates DynamoDB, S3, SQS and Secrets Manager, as a child process.

Its state is in memory and is lost when it ends. As a program (`python -m local.aws [CHAIN KEY]`)
this module is the child. With a certificate, the child also serves over TLS on a second port.
"""

import subprocess
import sys
import threading
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

from local import certificates, parent_death

ROOT = Path(__file__).parents[1]
START_SECONDS = 30.0
STOP_SECONDS = 5.0


class EmulatedAwsError(Exception):
    """The emulated services did not start."""


class AwsServer:
    """The emulated services, behind one endpoint.

    `launch` starts them and returns at once; `wait` returns when they respond. With `tls` there is
    a second endpoint, `tls_endpoint`, whose certificate `ca_file` verifies. The files of the
    certificate are in the folder of `log`.
    """

    def __init__(self, log: Path, *, tls: bool = False) -> None:
        self.endpoint = self.tls_endpoint = self.ca_file = ""
        self._log = log
        self._tls = tls
        self._process: subprocess.Popen[str] | None = None

    def launch(self) -> None:
        """Start the child and return at once.

        Call it from the main thread: on Linux the child ends when the calling thread ends.
        """
        files: list[str] = []
        if self._tls:
            certificate = certificates.create_certificates(self._log.parent)
            self.ca_file = str(certificate.ca_file)
            files = [str(certificate.chain), str(certificate.key)]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                parent_death.command([sys.executable, "-m", "local.aws", *files]),
                cwd=ROOT,
                stdin=subprocess.PIPE,  # the child ends when this pipe is closed
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Return when the services respond. Raise EmulatedAwsError if they ended, or after 30 s."""
        process = self._process
        if process is None or process.stdout is None:
            raise EmulatedAwsError("the emulated AWS services were not launched")
        timeout = threading.Timer(START_SECONDS, process.kill)
        timeout.start()
        port, _, tls_port = process.stdout.readline().strip().partition(" ")
        timeout.cancel()
        if not port:
            raise EmulatedAwsError(f"the emulated AWS services did not start; see {self._log}")
        self.endpoint = f"http://127.0.0.1:{port}"
        if tls_port:
            self.tls_endpoint = f"https://127.0.0.1:{tls_port}"

    def make_bucket(self, name: str) -> None:
        """Create an S3 bucket. The request is not signed, as the emulation checks no signatures."""
        request = urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")  # noqa: S310
        try:
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
        except urllib.error.URLError as error:
            raise EmulatedAwsError(f"the bucket {name} cannot be created: {error}") from error

    @property
    def port(self) -> int:
        return int(self.endpoint.rpartition(":")[2])

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Kill the child. May be called twice."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(STOP_SECONDS)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._process = None


def _serve(chain: str = "", key: str = "") -> None:
    import logging
    import os

    # moto reads this variable when it is imported
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"  # noqa: TID251

    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    from local.aws_filter import ServiceFilter

    _serialize_dynamodb()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    serve_at = partial(
        make_server,
        "127.0.0.1",
        0,
        ServiceFilter(),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
    server, ports = serve_at(), []
    if chain:
        encrypted = serve_at(ssl_context=(chain, key))
        ports.append(encrypted.port)
        threading.Thread(target=encrypted.serve_forever, daemon=True).start()
    # moto puts this port into the URLs of queues
    os.environ["MOTO_PORT"] = str(server.port)  # noqa: TID251
    print(server.port, *ports, flush=True)

    def end_with_parent() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()
    server.serve_forever()


def _serialize_dynamodb() -> None:
    """Let moto's DynamoDB process one request at a time.

    moto serves each request in its own thread and has no locks. Without this lock a conditional
    write could succeed twice, and the rate limiter would count wrong.
    """
    from moto.dynamodb.responses import DynamoHandler

    lock, call_action = threading.RLock(), DynamoHandler.call_action

    def locked(self: Any, *args: Any, **kwargs: Any) -> Any:
        with lock:
            return call_action(self, *args, **kwargs)

    DynamoHandler.call_action = locked  # type: ignore[method-assign]


if __name__ == "__main__":
    _serve(*sys.argv[1:])
