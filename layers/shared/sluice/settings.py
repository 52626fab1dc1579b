"""Settings of a deployment, read from environment variables. No other module reads those.

`Settings.from_env(environ)` reads all of them at once. If any are invalid, it raises one
`SettingsError` that names every problem.
"""

import os
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from sluice.database_settings import POOLERS, Auth
from sluice.database_settings import DatabaseSettings as DatabaseSettings
from sluice.database_settings import Pooler as Pooler
from sluice.database_settings import SettingsError as SettingsError
from sluice.database_settings import TlsMode as TlsMode
from sluice.database_settings import repr_without_secrets as repr_without_secrets
from sluice.env_reader import EnvReader

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
ADHOC_SQL_MAX_COST = 250_000
ADHOC_SQL_TIMEOUT = 4.5  # seconds; a busy server may cancel a statement half a second late
ADHOC_SQL_ROLE_TIMEOUT = 5.0  # seconds; the statement_timeout of the role
METRICS_INTERVAL = 60.0  # seconds
IMPORTS_MAX_RECEIVE_COUNT = 5
IMPORTS_MAX_BYTES = 1024**3  # of a file
STALE_IF_ERROR_SECONDS = 300  # maximum age of a cached response in an outage; 0: none
ANALYST_CONNECTIONS = 50  # the limit that migrations set on the role of analysts
REPLICA_DEADLINE_SHARE = 0.5  # the other half is left for the primary if the replica is silent
SOCKET_TIMEOUT_MARGIN = 4.0  # seconds after the statement timeout


class AwsSettings(NamedTuple):
    """The region and credentials that Lambda provides. Endpoints are for emulators."""

    region: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str = ""
    credentials_url: str = ""  # where to fetch the three above, if they are not set
    credentials_token: str = ""  # for the Authorization header there
    secrets_endpoint: str = ""
    dynamodb_endpoint: str = ""
    s3_endpoint: str = ""
    sqs_endpoint: str = ""
    fips: bool = False  # use the hosts whose cryptography is validated for FIPS 140
    ca_file: str = ""  # PEM, for AWS's certificates; empty: the system's certificate authorities

    def __repr__(self) -> str:
        return repr_without_secrets(self)


class JwtSettings(NamedTuple):
    """The issuer of accepted JSON Web Tokens: its `iss` and `aud` claims, and its JWKS."""

    issuer: str
    audience: str
    jwks_url: str
    verified_by_gateway: bool = False  # trust the claims in the event, and fetch no keys
    tenant_claim: str = ""  # the claim with the client's tenants, or a path to it


class GraphqlSettings(NamedTuple):
    """The limits of a GraphQL request. Tokens, depth and aliases are checked before validation."""

    introspection: bool = False
    max_tokens: int = 2_000
    max_depth: int = 12
    max_aliases: int = 30
    max_cost: int = 10_000  # nodes that the request could return, and the work of its statements


DEFAULT_GRAPHQL = GraphqlSettings()
DEFAULT_RATE_TIERS = MappingProxyType({"default": (100, 60)})


class AdhocSqlSettings(NamedTuple):
    """The role that runs ad-hoc SQL, and the limits of a query: planner cost and seconds."""

    database: DatabaseSettings
    max_cost: float = ADHOC_SQL_MAX_COST
    timeout: float = ADHOC_SQL_TIMEOUT


class Settings(NamedTuple):
    """All settings of a deployment, read once for each execution environment.

    A function does not get the `imports_*` settings that it does not use.
    """

    database: DatabaseSettings
    cursor_key: bytes
    api_keys_table: str = ""
    rate_limit_table: str = ""
    rate_tiers: Mapping[str, tuple[int, int]] = DEFAULT_RATE_TIERS  # tier → requests, seconds
    aws: AwsSettings = AwsSettings()
    jwt: JwtSettings | None = None  # None: no tokens are accepted
    rls: bool = False  # row-level security of PostgreSQL is a second lock of tenants
    adhoc_sql: AdhocSqlSettings | None = None  # None: there is no ad-hoc SQL
    replica: DatabaseSettings | None = None  # None: the primary serves all reads
    imports_bucket: str = ""
    imports_queue_url: str = ""
    imports_dead_letter_queue_url: str = ""
    imports_max_receive_count: int = IMPORTS_MAX_RECEIVE_COUNT  # before the dead-letter queue
    imports_max_bytes: int = IMPORTS_MAX_BYTES
    stale_if_error_seconds: float = STALE_IF_ERROR_SECONDS
    service: str = "sluice"  # a dimension of the metrics
    function: str = ""  # the name of the Lambda function
    version: str = "$LATEST"  # of the function; a number once it is published
    metrics_interval: float = METRICS_INTERVAL  # seconds between two lines, without failures
    log_level: str = "INFO"
    server_timing: bool = False  # send Server-Timing to authenticated clients
    cors_origins: tuple[str, ...] = ()  # `loopback`: all of this machine; `*`: all
    graphql: GraphqlSettings = DEFAULT_GRAPHQL
    analyst_connections: int = ANALYST_CONNECTIONS

    def __repr__(self) -> str:
        return repr_without_secrets(self)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read `SLUICE_*` and Lambda's own variables. Raise `SettingsError` with every problem."""
        env = EnvReader(environ)
        database = _database(env)
        origins = (part.strip() for part in env.text("SLUICE_CORS_ORIGINS", default="").split(","))
        concurrency = env.integer("SLUICE_FUNCTION_CONCURRENCY", default=0, limits=(0, 5_000))
        stale_seconds = env.integer(
            "SLUICE_STALE_IF_ERROR_SECONDS", default=STALE_IF_ERROR_SECONDS, limits=(0, 86_400)
        )
        dead_letter_queue_url = env.text("SLUICE_IMPORTS_DEAD_LETTER_QUEUE_URL", default="")
        max_receive_count = env.integer(
            "SLUICE_IMPORTS_MAX_RECEIVE_COUNT", default=IMPORTS_MAX_RECEIVE_COUNT, limits=(1, 1_000)
        )
        max_bytes = env.megabytes("SLUICE_IMPORTS_MAX_MEGABYTES", default=IMPORTS_MAX_BYTES)
        settings = cls(
            database=database,
            cursor_key=env.text("SLUICE_CURSOR_KEY").encode(),
            api_keys_table=env.text("SLUICE_API_KEYS_TABLE"),
            rate_limit_table=env.text("SLUICE_RATE_LIMIT_TABLE"),
            rate_tiers=env.rate_tiers("SLUICE_RATE_TIERS", default=DEFAULT_RATE_TIERS),
            jwt=_jwt(env),
            rls=_rls(env, database),
            adhoc_sql=_adhoc_sql(env, database),
            replica=_replica(env, database),
            aws=_aws(env),
            imports_bucket=env.text("SLUICE_IMPORTS_BUCKET", default=""),
            imports_queue_url=env.text("SLUICE_IMPORTS_QUEUE_URL", default=""),
            imports_dead_letter_queue_url=dead_letter_queue_url,
            imports_max_receive_count=max_receive_count,
            imports_max_bytes=max_bytes,
            stale_if_error_seconds=stale_seconds,
            service=env.text("POWERTOOLS_SERVICE_NAME", default="sluice"),
            function=env.text("AWS_LAMBDA_FUNCTION_NAME", default=""),
            version=env.text("AWS_LAMBDA_FUNCTION_VERSION", default="$LATEST"),
            log_level=env.choice("SLUICE_LOG_LEVEL", LOG_LEVELS, default="INFO"),
            server_timing=env.flag("SLUICE_SERVER_TIMING"),
            metrics_interval=env.seconds("SLUICE_METRICS_INTERVAL", default=METRICS_INTERVAL),
            cors_origins=tuple(filter(None, origins)),
            analyst_connections=analyst_connections(concurrency),
            graphql=_graphql(env),
        )
        if 0 < len(settings.cursor_key) < 16:
            env.problems.append("SLUICE_CURSOR_KEY must be at least 16 characters")
        _check_auth(env, settings)
        if env.problems:
            raise SettingsError(env.problems)
        return settings


class TraceSettings(NamedTuple):
    """X-Ray's daemon and service name. `header` returns the invocation's trace header."""

    daemon: tuple[str, int]  # host and port, for UDP
    service: str
    header: Callable[[], str]


def is_initialised_by_lambda(environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether this is an execution environment of Lambda, or one of `make run`."""
    return "AWS_LAMBDA_INITIALIZATION_TYPE" in environ


def initialization_type(environ: Mapping[str, str] = os.environ) -> str:
    """Return how Lambda initialises this execution environment; `on-demand` outside of Lambda."""
    return environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")


def application_name(environ: Mapping[str, str] = os.environ) -> str:
    """Return the name of the application that is served; empty if none is set."""
    return EnvReader(environ).text("SLUICE_APP", default="")


def local_api_keys(environ: Mapping[str, str] = os.environ) -> str:
    """Return the API keys of the local system with their meaning; empty in a deployment."""
    return EnvReader(environ).text("SLUICE_LOCAL_API_KEYS", default="")


def analyst_connections(function_concurrency: int) -> int:
    """Return the connection limit of the role of analysts; 0: the concurrency is not limited."""
    return 2 * function_concurrency or ANALYST_CONNECTIONS


def trace_settings(environ: Mapping[str, str] = os.environ) -> TraceSettings | None:
    """Return the settings of X-Ray traces, or None if tracing is off. Needs no `Settings`."""
    env = EnvReader(environ)
    if env.choice("SLUICE_TRACING", ("Active", "Disabled"), default="Disabled") == "Disabled":
        return None
    host, _, port = env.text("AWS_XRAY_DAEMON_ADDRESS", default="127.0.0.1:2000").rpartition(":")
    service = env.text("POWERTOOLS_SERVICE_NAME", default="sluice")
    return TraceSettings((host, int(port)), service, lambda: environ.get("_X_AMZN_TRACE_ID", ""))


def origin_key(environ: Mapping[str, str] = os.environ) -> str:
    """Return the key that CloudFront adds to each request; empty without CloudFront."""
    return EnvReader(environ).text("SLUICE_ORIGIN_KEY", default="")


def log_level(environ: Mapping[str, str] = os.environ) -> str:
    """Return the log level; an invalid one is ignored here, and reported by `Settings.from_env`."""
    return EnvReader(environ).choice("SLUICE_LOG_LEVEL", LOG_LEVELS, default="INFO")


def _database(env: EnvReader) -> DatabaseSettings:
    base = DatabaseSettings(
        host=env.text("SLUICE_DB_HOST"),
        name=env.text("SLUICE_DB_NAME"),
        user=env.text("SLUICE_DB_USER"),
    )
    pooler = env.choice("SLUICE_DB_POOLER", POOLERS, default=base.pooler)
    # RDS Proxy pins a connection that has a named statement.
    statements = 0 if pooler == "rds-proxy" else base.prepared_statements
    return base._replace(
        port=env.integer("SLUICE_DB_PORT", default=base.port, limits=(1, 65535)),
        password=env.text("SLUICE_DB_PASSWORD", default=""),
        secret_arn=env.text("SLUICE_DB_SECRET_ARN", default=""),
        auth=env.choice("SLUICE_DB_AUTH", ("password", "iam", "none"), default=base.auth),
        tls=env.choice("SLUICE_DB_TLS", ("verify-full", "off"), default=base.tls),
        ca_file=env.text("SLUICE_DB_CA_FILE", default=""),
        pool_size=env.integer("SLUICE_DB_POOL_SIZE", default=base.pool_size, limits=(1, 100)),
        pool_overflow=env.integer(
            "SLUICE_DB_POOL_OVERFLOW", default=base.pool_overflow, limits=(0, 100)
        ),
        pool_timeout=env.seconds("SLUICE_DB_POOL_TIMEOUT", default=base.pool_timeout),
        connect_timeout=env.seconds("SLUICE_DB_CONNECT_TIMEOUT", default=base.connect_timeout),
        statement_timeout=env.seconds(
            "SLUICE_DB_STATEMENT_TIMEOUT", default=base.statement_timeout
        ),
        lock_timeout=env.seconds("SLUICE_DB_LOCK_TIMEOUT", default=base.lock_timeout),
        socket_timeout=env.seconds("SLUICE_DB_SOCKET_TIMEOUT", default=base.socket_timeout),
        max_idle=env.seconds("SLUICE_DB_MAX_IDLE", default=base.max_idle),
        migrated=env.flag("SLUICE_DB_MIGRATED", default=base.migrated),
        prepared_statements=env.integer(
            "SLUICE_DB_PREPARED_STATEMENTS", default=statements, limits=(0, 1_000)
        ),
        pooler=pooler,
    )


def _aws(env: EnvReader) -> AwsSettings:
    url = env.text("AWS_CONTAINER_CREDENTIALS_FULL_URI", default="")
    env.check_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
    region = env.text("AWS_REGION", default="")
    fips = env.choice("AWS_USE_FIPS_ENDPOINT", ("true", "false"), default="false") == "true"
    if fips and region.startswith("cn-"):
        env.problems.append("AWS_USE_FIPS_ENDPOINT cannot be true in China, which has no such host")
    return AwsSettings(
        region=region,
        fips=fips,
        ca_file=env.text("AWS_CA_BUNDLE", default=""),
        access_key_id=env.text("AWS_ACCESS_KEY_ID", default=""),
        secret_access_key=env.text("AWS_SECRET_ACCESS_KEY", default=""),
        session_token=env.text("AWS_SESSION_TOKEN", default=""),
        credentials_url=url,
        credentials_token=env.text("AWS_CONTAINER_AUTHORIZATION_TOKEN", default=""),
        secrets_endpoint=env.text("AWS_ENDPOINT_URL_SECRETS_MANAGER", default=""),
        dynamodb_endpoint=env.text("AWS_ENDPOINT_URL_DYNAMODB", default=""),
        s3_endpoint=env.text("AWS_ENDPOINT_URL_S3", default=""),
        sqs_endpoint=env.text("AWS_ENDPOINT_URL_SQS", default=""),
    )


def _replica(env: EnvReader, database: DatabaseSettings) -> DatabaseSettings | None:
    """Read `host` or `host:port`. A replica has the primary's database, roles and passwords."""
    address = env.text("SLUICE_REPLICA_HOST", default="")
    if not address:
        return None
    match = re.fullmatch(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::(\d{1,5}))?", address, re.ASCII)
    port = database.port if match is None or match[2] is None else int(match[2])
    if match is None or not 1 <= port <= 65535:
        env.problems.append(f"SLUICE_REPLICA_HOST must be a host, or host:port, not {address!r}")
        return None
    host = match[1].strip("[]")
    return database._replace(host=host, port=port, deadline_share=REPLICA_DEADLINE_SHARE)


def _adhoc_sql(env: EnvReader, database: DatabaseSettings) -> AdhocSqlSettings | None:
    """Return the same server with the analyst role, or None if that role has no credentials."""
    password = env.text("SLUICE_ANALYST_PASSWORD", default="")
    secret_arn = env.text("SLUICE_ANALYST_SECRET_ARN", default="")
    user = env.text("SLUICE_ANALYST_USER", default="sluice_analyst")
    max_cost = env.integer(
        "SLUICE_ANALYST_MAX_COST", default=ADHOC_SQL_MAX_COST, limits=(1, 10**12)
    )
    auth: Auth = env.choice("SLUICE_ANALYST_AUTH", ("password", "iam"), default="password")
    if auth == "password" and not password and not secret_arn:
        return None
    role = database._replace(
        user=user,
        auth=auth,
        password=password,
        secret_arn=secret_arn,
        pool_size=1,
        pool_overflow=0,
        prepared_statements=0,  # no query is sent twice
        statement_timeout=ADHOC_SQL_ROLE_TIMEOUT,
        lock_timeout=0.2,
        socket_timeout=ADHOC_SQL_ROLE_TIMEOUT + SOCKET_TIMEOUT_MARGIN,
    )
    return AdhocSqlSettings(role, max_cost)


def _jwt(env: EnvReader) -> JwtSettings | None:
    issuer = env.text("SLUICE_JWT_ISSUER", default="")
    audience = env.text("SLUICE_JWT_AUDIENCE", default="")
    default_url = f"{issuer.rstrip('/')}/.well-known/jwks.json"
    jwks_url = env.text("SLUICE_JWT_JWKS_URL", default="") or default_url
    verified_by = env.choice("SLUICE_JWT_VERIFIED_BY", ("function", "gateway"), default="function")
    claim = env.text("SLUICE_TENANT_CLAIM", default="")
    if not issuer:
        return None
    if not audience:
        env.problems.append("SLUICE_JWT_AUDIENCE must be set with SLUICE_JWT_ISSUER")
    env.check_url("SLUICE_JWT_JWKS_URL", jwks_url)
    return JwtSettings(issuer, audience, jwks_url, verified_by == "gateway", claim)


def _rls(env: EnvReader, database: DatabaseSettings) -> bool:
    rls = env.flag("SLUICE_RLS")
    if rls and database.pooler == "rds-proxy":
        reason = "it is not known whether RDS Proxy pins a connection that sets the tenant"
        env.problems.append(f"SLUICE_RLS cannot be on with SLUICE_DB_POOLER rds-proxy: {reason}")
    return rls


def _graphql(env: EnvReader) -> GraphqlSettings:
    base = DEFAULT_GRAPHQL
    return GraphqlSettings(
        introspection=env.flag("SLUICE_GRAPHQL_INTROSPECTION"),
        max_tokens=env.integer(
            "SLUICE_GRAPHQL_MAX_TOKENS", default=base.max_tokens, limits=(1, 10_000)
        ),
        max_depth=env.integer("SLUICE_GRAPHQL_MAX_DEPTH", default=base.max_depth, limits=(1, 50)),
        max_aliases=env.integer(
            "SLUICE_GRAPHQL_MAX_ALIASES", default=base.max_aliases, limits=(0, 1_000)
        ),
        max_cost=env.integer(
            "SLUICE_GRAPHQL_MAX_COST", default=base.max_cost, limits=(1, 1_000_000)
        ),
    )


def _check_auth(env: EnvReader, settings: Settings) -> None:
    """Check that each role can authenticate, and that IAM tokens are sent only over TLS."""
    database, adhoc_sql = settings.database, settings.adhoc_sql
    if database.auth == "password" and not database.password and not database.secret_arn:
        env.problems.append(
            "SLUICE_DB_PASSWORD or SLUICE_DB_SECRET_ARN must be set, or SLUICE_DB_AUTH be iam"
        )
    adhoc_sql_uses_iam = adhoc_sql is not None and adhoc_sql.database.auth == "iam"
    if database.auth == "iam" or adhoc_sql_uses_iam:
        if database.tls != "verify-full":
            env.problems.append("SLUICE_DB_TLS must be verify-full: IAM tokens are sent as text")
        if not settings.aws.region:
            env.problems.append("AWS_REGION must be set for IAM tokens")
