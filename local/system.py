"""Start the parts of the local system in order, serve, and stop them in reverse order.

No part outlives the process: PostgreSQL, the emulated services and the sandboxes are its children.
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
from typing import IO

from local.access import DatabaseAccess, check_seed, prepare_embedded, prepare_own
from local.api_keys import API_KEYS_TABLE, TABLES, create_table, store_local_keys
from local.aws import ROOT, AwsServer
from local.console.wiring import ConsoleServers, LocalConsole
from local.database import create_embedded, settings_from_url
from local.docker_bridge import PortForwarder, sam_env_vars
from local.environment import LOCAL_SETTINGS, NOT_EXPORTED, aws_env_vars, function_env_vars
from local.gateway import AccessRecord, Gateway
from local.intrinsics import ACCOUNT_ID, REGION
from local.pages import serve_page
from local.pool import SandboxPool
from local.postgres import PostgresServer
from local.queue import QueuePoller, create_queues, put_bucket_notifications
from local.schedule import Scheduler
from local.state import StateFolder
from local.template import SamTemplate, read_template
from local.terminal import Terminal
from scripts import examples
from scripts.derive.template import render
from sluice import application

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - for a container; the default is loopback
LISTEN = ("127.0.0.1", EVERY_ADDRESS)
WATCH_SECONDS = 0.5
MAX_RESTARTS = 5
OWN_TABLES = "your own tables: make adopt FROM=postgresql://…, as docs/tutorial/own-tables.md shows"
OWN_CODE = "rules and routes of your own: docs/overrides.md"
PASSWORD_VARIABLES = {
    "SLUICE_DB_USER": "SLUICE_DB_PASSWORD",
    "SLUICE_ANALYST_USER": "SLUICE_ANALYST_PASSWORD",
}


class StartError(Exception):
    """The local system cannot start or continue. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `python -m local`."""

    state: Path
    port: int
    listen: str = LISTEN[0]  # of the gateway; all other servers listen on loopback
    database_url: str = ""  # empty: the embedded server
    replica_host: str = ""  # a replica of the database, `host` or `host:port`
    demo_data: bool = True  # add the application's demo data to an empty database
    built: bool = False  # run the functions that `sam build` built
    aws_tls: bool = False  # the functions call the emulated AWS services over TLS
    # parameters of the template, which override the local system's values
    parameters: Mapping[str, str] = field(default_factory=dict)


def run(options: Options, terminal: Terminal) -> None:
    """Start all parts and serve until a stop signal. Raise an error in command.EXPECTED_ERRORS."""
    began = time.perf_counter()
    state = StateFolder(options.state)
    with ExitStack() as parts:
        state.claim()
        parts.callback(state.release)
        listener = parts.enter_context(_listen(options.listen, options.port))
        aws = AwsServer(state.home / "aws.log", tls=options.aws_tls)
        parts.callback(aws.stop)
        aws.launch()  # it starts while PostgreSQL starts
        if options.listen == EVERY_ADDRESS:
            terminal.notice(
                "--listen 0.0.0.0: all who reach this port can use the local keys and the console"
            )
        server, url = _database(options, state, parts, terminal)
        access = prepare_own(url, state, parts) if server is None else prepare_embedded(url, state)
        database = settings_from_url(url)
        server_address = f"{database.host}:{database.port}"
        terminal.step("database", f"PostgreSQL {access.version} on {server_address}")
        for remark in access.remarks:
            terminal.notice(remark)
        app = application.current()
        if options.demo_data and app.demo:
            check_seed(access, database.name)
            if rows := app.load("demo")(url):
                terminal.step("demo data", f"{rows:,} rows")
        aws.wait()
        template = _template(options, state, url, access)
        for name, properties in template.tables.items():
            create_table(aws.endpoint, name, properties)
        create_queues(aws.endpoint, template.queues)
        for name, properties in template.buckets.items():
            aws.make_bucket(name)
            put_bucket_notifications(aws.endpoint, name, properties)
        store_local_keys(aws.endpoint, API_KEYS_TABLE)
        system = _System(state, terminal, template, url, access, aws, server)
        asyncio.run(system.serve(listener, began))


class _System:
    """The serving parts: pools, gateway, scheduler, queue poller, and the watch of the children."""

    def __init__(
        self,
        state: StateFolder,
        terminal: Terminal,
        template: SamTemplate,
        url: str,
        access: DatabaseAccess,
        aws: AwsServer,
        server: PostgresServer | None,
    ) -> None:
        self._state = state
        self._terminal = terminal
        self._template = template
        self._url = url
        self._access = access
        self._app, self._analyst = (
            access.settings(url, login) for login in (access.app, access.analyst)
        )
        self._aws = aws
        self._server = server
        users = (self._app, self._analyst, settings_from_url(url))
        passwords = {user.user: user.password for user in users}
        self._environments = {}
        for name, function in template.functions.items():
            overrides = {
                **aws_env_vars(aws.tls_endpoint or aws.endpoint, aws.ca_file),
                **LOCAL_SETTINGS,
            }
            overrides |= access.environment(url, function.variables.get("SLUICE_DB_USER"))
            for user, password in PASSWORD_VARIABLES.items():
                if user in function.variables:
                    overrides[password] = passwords.get(function.variables[user], "")
            self._environments[name] = function_env_vars(function, overrides)

    async def serve(self, listener: socket.socket, began: float) -> None:
        """Serve requests on `listener` until a stop signal. `began`: perf_counter at the start."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signum in STOP_SIGNALS:
            loop.add_signal_handler(signum, stop.set)
        with (
            (self._state.home / "functions.log").open("w", buffering=1) as log,
            ExitStack() as forwarders,
        ):
            console = self._create_console()
            pools = self._create_pools(log, console)
            gateway = self._create_gateway(pools, console)
            scheduler = Scheduler(self._template.schedules, pools, self._terminal.notice)
            poller = QueuePoller(
                self._aws.endpoint, self._template.sources, pools, self._terminal.notice
            )
            watch = asyncio.create_task(self._watch_children())
            try:
                url = f"http://127.0.0.1:{await gateway.start(listener)}"
                self._forward_ports(forwarders)
                self._publish(url)
                scheduler.start()
                poller.start()
                first_request = (
                    examples.first_request() if self._access.has_tables else "/health/ready"
                )
                seconds = time.perf_counter() - began
                next_step = OWN_TABLES if self._server else OWN_CODE
                self._terminal.ready(url, seconds, first_request, next_step)
                waiting = asyncio.create_task(stop.wait())
                await asyncio.wait({watch, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
            finally:
                _ignore_stop_signals(loop)
                for name in ("local.json", "env.json", "functions.json"):
                    self._state.withdraw(name)
                await scheduler.stop()
                await poller.stop()
                await gateway.stop()
                await console.stop()
                await asyncio.gather(*(pool.stop() for pool in pools.values()))
                watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch

    def _create_pools(self, log: IO[str], console: LocalConsole) -> dict[str, SandboxPool]:
        def write(name: str, number: int, line: str) -> None:
            log.write(f"{name} {line}\n")
            self._terminal.log_line(name, line)
            console.record_line(name, number, line)

        start_limit = asyncio.Semaphore(max(2, os.cpu_count() or 1))
        return {
            name: SandboxPool(
                function, self._environments[name], partial(write, name), start_limit=start_limit
            )
            for name, function in self._template.functions.items()
        }

    def _create_console(self) -> LocalConsole:
        maintenance = None if self._server is None else settings_from_url(self._server.url())
        bucket = next(iter(self._template.buckets))
        return LocalConsole(
            ConsoleServers(
                self._app,
                self._analyst,
                settings_from_url(self._url),
                maintenance,
                self._aws.endpoint,
                bucket,
            )
        )

    def _create_gateway(self, pools: Mapping[str, SandboxPool], console: LocalConsole) -> Gateway:
        def record_access(access: AccessRecord) -> None:
            self._terminal.log_access(access)
            console.record_access(access)

        pages = (console.make_api(pools).page, serve_page)
        return Gateway(self._template, pools, record_access, pages=pages)

    async def _watch_children(self) -> None:
        """Restart PostgreSQL if it was killed. Raise StartError if the emulated services end.

        The state of the emulated services is in memory, so they cannot be restarted.
        """
        restarts = 0
        while self._aws.running:
            await asyncio.sleep(WATCH_SECONDS)
            if self._server is None:
                await asyncio.to_thread(self._access.renew_locks)
                continue
            if self._server.running:
                continue
            restarts += 1
            if restarts > MAX_RESTARTS:
                raise StartError(f"PostgreSQL keeps ending; see {self._server.log}")
            self._terminal.notice("PostgreSQL has ended; starting it again")
            # On Linux the server ends with the thread that started it. The event loop's threads
            # end with the loop.
            await asyncio.to_thread(self._server.restart)
        raise StartError(
            f"the emulated AWS services have ended; see {self._state.home / 'aws.log'}"
        )

    def _forward_ports(self, forwarders: ExitStack) -> None:
        database = settings_from_url(self._url)
        ports = [self._aws.port, *([database.port] if database.host in LOOPBACK else [])]
        for port in ports:
            with suppress(OSError):  # a server that listens there itself needs no forwarding
                forwarders.enter_context(PortForwarder(port))

    def _publish(self, base_url: str) -> None:
        endpoint = self._aws.endpoint
        self._state.publish(
            "functions.json",
            {
                name: {key: value for key, value in environment.items() if key not in NOT_EXPORTED}
                for name, environment in self._environments.items()
            },
        )
        owner = settings_from_url(self._url)
        if owner.host in LOOPBACK:
            variables = sam_env_vars(
                self._app,
                self._analyst,
                owner,
                self._state.secret("CursorKey"),
                aws_port=self._aws.port,
                tables=TABLES,
                bucket=next(iter(self._template.buckets)),
            )
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


def _ignore_stop_signals(loop: asyncio.AbstractEventLoop) -> None:
    """Ignore further signals, so that they do not interrupt the stop of the parts."""
    for signum in STOP_SIGNALS:
        loop.remove_signal_handler(signum)
        signal.signal(signum, signal.SIG_IGN)


def _listen(address: str, port: int) -> socket.socket:
    """Return a socket that is bound to the address and port.

    Raise StartError if the port cannot be used. This is the first step, so that the error appears
    before any part is started.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EACCES:
            raise StartError(
                f"port {port} needs administrator rights; use one above 1023: PORT=3000 make run"
            ) from error
        other = port + 1 if port < 65535 else 3000
        raise StartError(
            f"port {port} on {address} is in use; use another: PORT={other} make run"
        ) from error
    return listener


def _database(
    options: Options, state: StateFolder, parts: ExitStack, terminal: Terminal
) -> tuple[PostgresServer | None, str]:
    if options.database_url:
        return None, options.database_url
    folder = state.home / "postgres"
    if not folder.exists():
        terminal.step("first start", f"creates a database in {folder}: a few seconds")
    server = PostgresServer(folder)
    parts.callback(server.stop)
    server.start()
    return server, create_embedded(server)


def _template(
    options: Options, state: StateFolder, url: str, access: DatabaseAccess
) -> SamTemplate:
    database = settings_from_url(url)
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:sluice-local"
    parameters = {
        "DbHost": database.host,
        "DbPort": str(database.port),
        "ReplicaHost": options.replica_host,
        "DbName": database.name,
        "DbUser": access.app.role,
        "DbSecretArn": secret,
        "DbOwnerUser": database.user,
        "DbOwnerSecretArn": secret,
        "AnalystUser": access.analyst.role,
        "AnalystSecretArn": secret if access.analyst.password else "",
        "DbTls": database.tls,
        "GraphqlIntrospection": "on",
        "FunctionConcurrency": "0",  # no limit: here, requests wait for a sandbox instead
        **options.parameters,
    }
    if options.built:
        path = ROOT / ".aws-sam/build/template.yaml"
        return read_template(path, parameters=parameters, secret=state.secret, built=True)
    return read_template(
        ROOT / "template.yaml",
        parameters=parameters,
        secret=state.secret,
        edit=partial(render, app=application.current()),  # with the functions of this application
    )
