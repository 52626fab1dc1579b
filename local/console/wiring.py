"""Make the parts of the console, and pass on to them what the local system records."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.console.api import ConsoleApi, ConsoleParts
from local.console.explain import Explainer
from local.console.import_files import ImportFiles
from local.console.import_status import ImportStatus, import_jobs_fetcher
from local.console.key_service import KeyService
from local.console.live_data import LiveData
from local.console.metrics import Metrics, route_label
from local.console.request_log import RequestLog
from local.console.statement_totals import StatementTotals, server_statements
from local.console.tenant_list import TenantList
from local.gateway import AccessRecord
from local.pool import SandboxPool
from sluice import application
from sluice.settings import DatabaseSettings

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ConsoleServers:
    """The servers that the console uses.

    `app` and `analyst` are the settings with which functions log in, `owner` those of the tables'
    owner. `maintenance` is a superuser's database of the embedded server, None for a server of the
    user.
    """

    app: DatabaseSettings
    analyst: DatabaseSettings
    owner: DatabaseSettings
    maintenance: DatabaseSettings | None
    aws_endpoint: str
    imports_bucket: str


class LocalConsole:
    """The console of a local system. Pass it each request, and each line of a sandbox's log."""

    def __init__(self, servers: ConsoleServers) -> None:
        self._servers = servers
        self._metrics = Metrics()
        self._requests = RequestLog()
        self._statements = StatementTotals()
        self._import_status = ImportStatus(import_jobs_fetcher(servers.app))

    def make_api(self, pools: "Mapping[str, SandboxPool]") -> ConsoleApi:
        """Return the API. `pools` has the pools by function name."""
        servers = self._servers
        schemas = application.current().search_path
        roles = [each._replace(search_path=schemas) for each in (servers.app, servers.analyst)]
        fetch = None
        if servers.maintenance is not None:
            users = [role.user for role in roles]
            fetch = server_statements(servers.maintenance, servers.app.name, users)
        return ConsoleApi(
            ConsoleParts(
                LiveData(self._metrics, pools, self._import_status),
                self._requests,
                self._statements,
                Explainer(
                    {role.user: role for role in roles if role.password or role.auth == "none"}
                ),
                KeyService(servers.aws_endpoint),
                TenantList(servers.owner),
                ImportFiles(servers.aws_endpoint, servers.imports_bucket),
                fetch,
            )
        )

    def record_access(self, access: AccessRecord) -> None:
        """Count a request, and keep it with its log lines and statements."""
        now = self._metrics.now()
        self._metrics.record_access(access)
        self._requests.record(access, now)
        if access.trace is not None:
            self._statements.record(route_label(access), access.trace.statements)

    def record_line(self, function: str, number: int, line: str) -> None:
        """Count the metrics in a line of a sandbox's log."""
        self._metrics.record_line(function, number, line)

    async def stop(self) -> None:
        """Wait for a query that is running."""
        await self._import_status.stop()
