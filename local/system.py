"""How do the parts become one system, and how does all of it end? Starts in order, stops in reverse, whatever happens.

Nothing here outlives the process: PostgreSQL, the emulated services and the sandboxes are its children.
"""

import asyncio
import errno
import os
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from local.access import DatabaseAccess, check_seed, embedded, own
from local.api_keys import API_KEYS_TABLE, TABLES, create_table, store_local_keys
from local.aws import ROOT, AwsServer
from local.console import Console
from local.console_api import Vitals
from local.database import make_embedded, seed, settings_of
from local.docker_bridge import PortForwarder, sam_env_vars
from local.environment import NOT_EXPORTED, SETTINGS, aws_env_vars, function_env_vars
from local.gateway import Access, Gateway
from local.import_status import Progress, ask_of
from local.intrinsics import ACCOUNT_ID, REGION
from local.metrics import Metrics
from local.pages import page
from local.pool import SandboxPool
from local.postgres import PostgresServer
from local.queue import QueuePoller, create_queues, put_bucket_notifications
from local.schedule import Scheduler
from local.state import State
from local.template import Template, read_template

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
WATCH_SECONDS = 0.5
MOST_REVIVALS = 5
USERS = {"SLUICE_DB_USER": "SLUICE_DB_PASSWORD", "SLUICE_ANALYST_USER": "SLUICE_ANALYST_PASSWORD"}


class CannotStart(Exception):
    """The message is for whoever typed the command."""


@dataclass(frozen=True, slots=True)
class Options:
    state: Path
    port: int
    database_url: str = ""  # empty: a server of our own
    reader_host: str = ""  # of a replica of it, `host` or `host:port`
    seeded: bool = True  # with demo data
    built: bool = False  # run what `sam build` made
    aws_tls: bool = False  # the functions reach the emulated AWS services by TLS
    parameters: Mapping[str, str] = field(
        default_factory=dict
    )  # of the template, over our own values


def run(options: Options, console: Console) -> None:
    """Serve until a signal says stop. Raises CannotStart and the parts' own errors, all of them readable."""
    began = time.perf_counter()
    state = State(options.state)
    with ExitStack() as parts:
        state.claim()
        parts.callback(state.release)
        listener = parts.enter_context(_listen(options.port))
        aws = AwsServer(state.home / "aws.log", tls=options.aws_tls)
        parts.callback(aws.stop)
        aws.launch()  # boots while PostgreSQL does
        server, url = _database(options, state, parts)
        access = own(url, state, parts) if server is None else embedded(url, state)
        console.step(
            "database",
            f"PostgreSQL {access.version} on {settings_of(url).host}:{settings_of(url).port}",
        )
        for remark in access.remarks:
            console.notice(remark)
        if options.seeded:
            check_seed(access, settings_of(url).name)
        if options.seeded and (products := seed(url)):
            console.step("demo shop", f"{products:,} products")
        aws.wait()
        template = _template(options, state, url, access)
        for name, properties in template.tables.items():
            create_table(aws.endpoint, name, properties)
        create_queues(aws.endpoint, template.queues)
        for name, properties in template.buckets.items():
            aws.make_bucket(name)
            put_bucket_notifications(aws.endpoint, name, properties)
        store_local_keys(aws.endpoint, API_KEYS_TABLE)
        system = _System(state, console, template, url, access, aws, server)
        asyncio.run(system.serve(listener, began))


class _System:
    """The serving half: pools, gateway, scheduler and the watch over the children."""

    def __init__(
        self,
        state: State,
        console: Console,
        template: Template,
        url: str,
        access: DatabaseAccess,
        aws: AwsServer,
        server: PostgresServer | None,
    ) -> None:
        self._state = state
        self._console = console
        self._template = template
        self._url = url
        self._access = access
        self._app, self._analyst = (
            access.settings(url, login) for login in (access.app, access.analyst)
        )
        self._aws = aws
        self._server = server
        users = (self._app, self._analyst, settings_of(url))
        passwords = {user.user: user.password for user in users}
        self._environments = {}
        for name, function in template.functions.items():
            overlay = {**aws_env_vars(aws.tls_endpoint or aws.endpoint, aws.ca_file), **SETTINGS}
            overlay |= access.environment(url, function.variables.get("SLUICE_DB_USER"))
            for user, password in USERS.items():
                if user in function.variables:
                    overlay[password] = passwords.get(function.variables[user], "")
            self._environments[name] = function_env_vars(function, overlay)

    async def serve(self, listener: socket.socket, began: float) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signum in STOPPING:
            loop.add_signal_handler(signum, stop.set)
        with (
            (self._state.home / "functions.log").open("w", buffering=1) as log,
            ExitStack() as doors,
        ):

            def write(name: str, number: int, line: str) -> None:
                log.write(f"{name} {line}\n")
                self._console.function(name, line)
                metrics.line(name, number, line)

            def note(access: Access) -> None:
                self._console.access(access)
                metrics.access(access)

            metrics, progress = Metrics(), Progress(ask_of(self._app))
            starts = asyncio.Semaphore(max(2, os.cpu_count() or 1))
            pools = {
                name: SandboxPool(
                    function, self._environments[name], partial(write, name), starts=starts
                )
                for name, function in self._template.functions.items()
            }
            vitals = Vitals(metrics, pools, progress)
            gateway = Gateway(
                self._template,
                pools,
                note,
                pages=lambda request: vitals.page(request) or page(request),
            )
            scheduler = Scheduler(self._template.schedules, pools, self._console.notice)
            poller = QueuePoller(
                self._aws.endpoint, self._template.sources, pools, self._console.notice
            )
            watch = asyncio.create_task(self._watch_children())
            try:
                url = f"http://127.0.0.1:{await gateway.start(listener)}"
                self._open_doors(doors)
                self._publish(url)
                scheduler.start()
                poller.start()
                first = "/api/products?limit=3" if self._access.shop else "/health/ready"
                self._console.ready(url, time.perf_counter() - began, first)
                waiting = asyncio.create_task(stop.wait())
                await asyncio.wait({watch, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
            finally:
                for signum in STOPPING:  # from here on nothing interrupts the stopping
                    loop.remove_signal_handler(signum)
                    signal.signal(signum, signal.SIG_IGN)
                for name in ("local.json", "env.json", "functions.json"):
                    self._state.withdraw(name)
                await scheduler.stop()
                await poller.stop()
                await gateway.stop()
                await progress.stop()
                await asyncio.gather(*(pool.stop() for pool in pools.values()))
                watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch

    async def _watch_children(self) -> None:
        """Bring a killed PostgreSQL back; end with the emulated services, whose state is gone with them."""
        revivals = 0
        while self._aws.running:
            await asyncio.sleep(WATCH_SECONDS)
            if self._server is None:
                await asyncio.to_thread(self._access.keep)
                continue
            if self._server.running:
                continue
            revivals += 1
            if revivals > MOST_REVIVALS:
                raise CannotStart(f"PostgreSQL keeps ending; see {self._server.log}")
            self._console.notice("PostgreSQL has ended; starting it again")
            # The loop's threads live as long as it does, and so does what they start.
            await asyncio.to_thread(self._server.restart)
        raise CannotStart(
            f"the emulated AWS services have ended; see {self._state.home / 'aws.log'}"
        )

    def _open_doors(self, doors: ExitStack) -> None:
        database = settings_of(self._url)
        ports = [self._aws.port, *([database.port] if database.host in LOOPBACK else [])]
        for port in ports:
            with suppress(OSError):  # a server that listens there itself needs no door
                doors.enter_context(PortForwarder(port))

    def _publish(self, base_url: str) -> None:
        endpoint = self._aws.endpoint
        self._state.publish(
            "functions.json",
            {
                name: {key: value for key, value in environment.items() if key not in NOT_EXPORTED}
                for name, environment in self._environments.items()
            },
        )
        owner = settings_of(self._url)
        if owner.host in LOOPBACK:
            variables = sam_env_vars(
                self._app, self._analyst, owner, self._state.secret("CursorKey"),
                aws_port=self._aws.port, tables=TABLES, bucket=next(iter(self._template.buckets)),
            )  # fmt: skip
            self._state.publish("env.json", variables)
        self._state.publish(
            "local.json",
            {
                "base_url": base_url,
                "database_url": self._url,
                "dynamodb_url": endpoint,
                "s3_url": endpoint,
                "sqs_url": endpoint,
                "imports_bucket": next(iter(self._template.buckets)),
                "pid": os.getpid(),
            },
        )


def _listen(port: int) -> socket.socket:
    """Taken at once, so that a port in use is told before anything has been started."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EACCES:
            raise CannotStart(
                f"port {port} needs more rights; choose one above 1023: PORT=3000 make run"
            ) from error
        other = port + 1 if port < 65535 else 3000
        raise CannotStart(
            f"port {port} on 127.0.0.1 is taken; choose another: PORT={other} make run"
        ) from error
    return listener


def _database(
    options: Options, state: State, parts: ExitStack
) -> tuple[PostgresServer | None, str]:
    if options.database_url:
        return None, options.database_url
    server = PostgresServer(state.home / "postgres")
    parts.callback(server.stop)
    server.start()
    return server, make_embedded(server)


def _template(options: Options, state: State, url: str, access: DatabaseAccess) -> Template:
    database = settings_of(url)
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:sluice-local"
    parameters = {
        "DbHost": database.host,
        "DbPort": str(database.port),
        "ReaderHost": options.reader_host,
        "DbName": database.name,
        "DbUser": access.app.role,
        "DbSecretArn": secret,
        "DbOwnerUser": database.user,
        "DbOwnerSecretArn": secret,
        "AnalystUser": access.analyst.role,
        "AnalystSecretArn": secret if access.analyst.password else "",
        "DbTls": database.tls,
        "GraphqlIntrospection": "on",
        "FunctionConcurrency": "0",  # a laptop makes requests wait where Lambda would add environments
        **options.parameters,
    }
    path = ROOT / ".aws-sam/build/template.yaml" if options.built else ROOT / "template.yaml"
    return read_template(path, parameters=parameters, secret=state.secret, built=options.built)
