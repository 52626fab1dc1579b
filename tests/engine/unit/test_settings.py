"""Settings from environment variables and database URLs, and the problems they report."""

import io
import logging
import re
from typing import Any

import pytest

from sluice.aws.credentials import Credentials
from sluice.database_settings import SECRET_FIELDS
from sluice.settings import AwsSettings, DatabaseSettings, Settings, SettingsError

REQUIRED = {
    "SLUICE_DB_HOST": "db.example",
    "SLUICE_DB_NAME": "shop",
    "SLUICE_DB_USER": "sluice_app",
    "SLUICE_DB_PASSWORD": "secret",
    "SLUICE_CURSOR_KEY": "0123456789abcdef",
    "SLUICE_API_KEYS_TABLE": "keys",
    "SLUICE_RATE_LIMIT_TABLE": "limits",
}


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    return caught.value.problems


def test_defaults_are_safe() -> None:
    settings = Settings.from_env(REQUIRED)
    assert settings.database == DatabaseSettings(
        host="db.example", name="shop", user="sluice_app", password="secret"
    )
    assert (settings.database.tls, settings.database.port) == ("verify-full", 5432)
    expected = ((), "INFO", 300)
    assert (settings.cors_origins, settings.log_level, settings.stale_if_error_seconds) == expected


def test_all_missing_variables_are_named() -> None:
    assert problems({}) == [
        "SLUICE_DB_HOST is not set",
        "SLUICE_DB_NAME is not set",
        "SLUICE_DB_USER is not set",
        "SLUICE_CURSOR_KEY is not set",
        "SLUICE_API_KEYS_TABLE is not set",
        "SLUICE_RATE_LIMIT_TABLE is not set",
        "SLUICE_DB_PASSWORD or SLUICE_DB_SECRET_ARN must be set, or SLUICE_DB_AUTH be iam",
    ]


@pytest.mark.parametrize(
    "name", ["SLUICE_DB_HOST", "SLUICE_DB_NAME", "SLUICE_DB_USER", "SLUICE_CURSOR_KEY"]
)
@pytest.mark.parametrize("value", ["", "   "])
def test_empty_variable_counts_as_missing(name: str, value: str) -> None:
    assert problems(REQUIRED | {name: value}) == [f"{name} is not set"]


def test_all_problems_are_reported() -> None:
    wrong = {
        "SLUICE_DB_PORT": "x",
        "SLUICE_DB_TLS": "maybe",
        "SLUICE_DB_POOL_SIZE": "0",
        "SLUICE_LOG_LEVEL": "LOUD",
    }
    reported = problems(REQUIRED | wrong | {"SLUICE_CURSOR_KEY": "short", "SLUICE_DB_HOST": ""})
    assert {problem.split()[0] for problem in reported} == {
        *wrong,
        "SLUICE_CURSOR_KEY",
        "SLUICE_DB_HOST",
    }
    assert all(problem in str(SettingsError(reported)) for problem in reported)


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("SLUICE_DB_PORT", "6432", "port", 6432),
        ("SLUICE_DB_SECRET_ARN", "arn:aws:x", "secret_arn", "arn:aws:x"),
        ("SLUICE_DB_TLS", "off", "tls", "off"),
        ("SLUICE_DB_CA_FILE", "/ca.pem", "ca_file", "/ca.pem"),
        ("SLUICE_DB_POOL_SIZE", "100", "pool_size", 100),
        ("SLUICE_DB_POOL_OVERFLOW", "0", "pool_overflow", 0),
        ("SLUICE_DB_POOL_TIMEOUT", "0.5", "pool_timeout", 0.5),
        ("SLUICE_DB_CONNECT_TIMEOUT", "3", "connect_timeout", 3.0),
        ("SLUICE_DB_SOCKET_TIMEOUT", "30", "socket_timeout", 30.0),
        ("SLUICE_DB_MAX_IDLE", "900", "max_idle", 900.0),
        ("SLUICE_DB_PREPARED_STATEMENTS", "0", "prepared_statements", 0),
        ("SLUICE_DB_POOLER", "pgbouncer", "pooler", "pgbouncer"),
    ],
)
def test_database_variable_sets_its_field(name: str, value: str, field: str, read: Any) -> None:
    changed = Settings.from_env(REQUIRED | {name: value}).database
    assert changed == Settings.from_env(REQUIRED).database._replace(**{field: read})


def test_rds_proxy_disables_prepared_statements() -> None:
    environ = REQUIRED | {"SLUICE_DB_POOLER": "rds-proxy", "SLUICE_ANALYST_PASSWORD": "secret"}
    settings = Settings.from_env(environ)

    assert settings.adhoc_sql is not None
    assert (settings.database.pooler, settings.database.prepared_statements) == ("rds-proxy", 0)
    assert settings.adhoc_sql.database.pooler == "rds-proxy"
    chosen = Settings.from_env(environ | {"SLUICE_DB_PREPARED_STATEMENTS": "8"})
    assert chosen.database.prepared_statements == 8


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("SLUICE_DB_PORT", ["0", "65536", "-1", "5432.0", "x"]),
        ("SLUICE_DB_POOL_SIZE", ["0", "101", "one"]),
        ("SLUICE_DB_POOL_OVERFLOW", ["-1", "101"]),
        ("SLUICE_DB_PREPARED_STATEMENTS", ["-1", "1001"]),
        *[
            (f"SLUICE_DB_{name}", ["0", "-1", "901", "nan", "inf", "soon", "5s"])
            for name in ("POOL_TIMEOUT", "CONNECT_TIMEOUT", "SOCKET_TIMEOUT", "MAX_IDLE")
        ],
        ("SLUICE_DB_TLS", ["on", "require", "OFF"]),
        ("SLUICE_DB_AUTH", ["IAM", "token"]),
        ("SLUICE_DB_POOLER", ["PgBouncer", "odyssey", "off"]),
        ("SLUICE_LOG_LEVEL", ["debug", "TRACE"]),
    ],
)
def test_out_of_range_value_is_named(name: str, values: list[str]) -> None:
    for value in values:
        (problem,) = problems(REQUIRED | {name: value})
        assert problem.startswith(f"{name} must be ")
        assert repr(value) in problem


def test_short_cursor_key_is_rejected_and_not_shown() -> None:
    assert problems(REQUIRED | {"SLUICE_CURSOR_KEY": "fifteen letters"}) == [
        "SLUICE_CURSOR_KEY must be at least 16 characters"
    ]


def test_secret_arn_replaces_the_password() -> None:
    settings = Settings.from_env(
        REQUIRED | {"SLUICE_DB_PASSWORD": "", "SLUICE_DB_SECRET_ARN": "arn:aws:x"}
    )
    assert (settings.database.password, settings.database.secret_arn) == ("", "arn:aws:x")


def test_iam_tokens_require_tls_and_region() -> None:
    iam = REQUIRED | {
        "SLUICE_DB_PASSWORD": "",
        "SLUICE_DB_AUTH": "iam",
        "AWS_REGION": "eu-central-1",
    }
    settings = Settings.from_env(iam)
    expected = ("iam", "", None)
    assert (settings.database.auth, settings.database.password, settings.adhoc_sql) == expected
    assert [
        problem.split()[0] for problem in problems(iam | {"AWS_REGION": "", "SLUICE_DB_TLS": "off"})
    ] == [
        "SLUICE_DB_TLS",
        "AWS_REGION",
    ]


def test_each_role_has_its_authentication() -> None:
    environ = REQUIRED | {"AWS_REGION": "eu-central-1"}
    analyst = Settings.from_env(environ | {"SLUICE_ANALYST_AUTH": "iam"}).adhoc_sql
    assert analyst is not None
    assert (analyst.database.auth, analyst.database.password) == ("iam", "")
    mixed = Settings.from_env(
        environ | {"SLUICE_DB_AUTH": "iam", "SLUICE_ANALYST_SECRET_ARN": "arn:aws:x"}
    ).adhoc_sql
    assert mixed is not None
    assert (mixed.database.auth, mixed.database.secret_arn) == ("password", "arn:aws:x")
    (problem,) = problems(REQUIRED | {"SLUICE_ANALYST_AUTH": "iam"})
    assert problem == "AWS_REGION must be set for IAM tokens"


def test_credentials_url_must_be_https() -> None:
    name = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
    assert problems(REQUIRED | {name: "http://keys.example/"}) == [
        f"{name} must start with https://, not 'http://keys.example/'"
    ]
    variables = {name: "http://127.0.0.1:9001/keys", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "hush"}
    aws = Settings.from_env(REQUIRED | variables).aws
    assert (aws.credentials_url, aws.credentials_token) == (variables[name], "hush")
    assert "hush" not in repr(aws)


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ()),
        ("*", ("*",)),
        ("https://a.example,https://b.example", ("https://a.example", "https://b.example")),
        ("https://a.example, https://b.example ,", ("https://a.example", "https://b.example")),
    ],
)
def test_cors_origins_are_comma_separated(text: str, origins: tuple[str, ...]) -> None:
    assert Settings.from_env(REQUIRED | {"SLUICE_CORS_ORIGINS": text}).cors_origins == origins


def test_lambda_variables_are_read() -> None:
    aws = Settings.from_env(
        REQUIRED
        | {
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "AKIA",
            "AWS_SECRET_ACCESS_KEY": "sk",
            "AWS_SESSION_TOKEN": "st",
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": "http://127.0.0.1:1",
        }
    ).aws
    read = (
        aws.region,
        aws.access_key_id,
        aws.secret_access_key,
        aws.session_token,
        aws.secrets_endpoint,
    )
    assert read == ("eu-central-1", "AKIA", "sk", "st", "http://127.0.0.1:1")


def test_repr_hides_secrets() -> None:
    secrets = {"SLUICE_DB_PASSWORD": "hush-1", "SLUICE_CURSOR_KEY": "hush-2-hush-2-hush-2"}
    keys = {"AWS_SECRET_ACCESS_KEY": "hush-3", "AWS_SESSION_TOKEN": "hush-4"}
    analyst = {"SLUICE_ANALYST_PASSWORD": "hush-5", "SLUICE_REPLICA_HOST": "replica"}
    settings = Settings.from_env(REQUIRED | secrets | keys | analyst)
    assert settings.adhoc_sql is not None
    assert settings.replica is not None
    parts = (settings, settings.database, settings.replica, settings.aws, settings.adhoc_sql)
    assert [str(each) for each in parts if "hush" in texts(each)] == []


@pytest.mark.parametrize("kind", [DatabaseSettings, AwsSettings, Settings, Credentials])
def test_texts_have_all_fields_except_secrets(kind: Any) -> None:
    written = texts(kind._make(f"[{name}]" for name in kind._fields))
    missing = {name for name in kind._fields if f"[{name}]" not in written}
    assert missing
    assert missing == SECRET_FIELDS & {*kind._fields}


def texts(values: object) -> str:
    """Return the texts of `values`: repr, str, format and a line of a log with its traceback."""
    stream = io.StringIO()
    logger = logging.Logger("settings")
    logger.addHandler(logging.StreamHandler(stream))
    try:
        raise LookupError(values)
    except LookupError:
        logger.exception("%s %r", values, values)
    return f"{values!r}{values!s}{values}{stream.getvalue()}"


def test_url_parts_are_percent_decoded() -> None:
    settings = DatabaseSettings.from_url("postgresql://us%40er:p%2Fss@db.example:6432/my%20shop")
    assert (settings.user, settings.password, settings.host) == ("us@er", "p/ss", "db.example")
    assert (settings.port, settings.name, settings.tls) == (6432, "my shop", "verify-full")


@pytest.mark.parametrize(
    ("url", "tls"),
    [
        ("postgres://u@db.example/shop", "verify-full"),
        ("postgres://u@db.example/shop?sslmode=require", "verify-full"),
        ("postgres://u@db.example/shop?sslmode=disable", "off"),
        ("postgres://u@127.0.0.1/shop", "off"),
        ("postgres://u@[::1]/shop", "off"),
        ("postgres://u@localhost/shop", "off"),
        ("postgres://u@%2Ftmp/shop", "off"),
        ("postgres://u@localhost/shop?sslmode=verify-full", "verify-full"),
    ],
)
def test_tls_is_verified_except_on_loopback(url: str, tls: str) -> None:
    assert DatabaseSettings.from_url(url).tls == tls


@pytest.mark.parametrize(
    ("url", "missing"),
    [
        ("postgresql:///shop", ["host", "user"]),
        ("postgresql://u@h", ["database"]),
        ("postgresql://h/shop", ["user"]),
        ("postgresql://", ["host", "user", "database"]),
    ],
)
def test_all_missing_url_parts_are_named(url: str, missing: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        DatabaseSettings.from_url(url)
    assert caught.value.problems == [f"the database URL has no {part}" for part in missing]


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("", "must look like postgresql://"),
        ("mysql://u@h/shop", "must look like postgresql://"),
        ("host=h dbname=shop", "must look like postgresql://"),
        ("postgresql://u:p@ss@h/shop", "%40"),
        ("postgresql://u@h:port/shop", "'port'"),
        ("postgresql://u@h:99999/shop", "'99999'"),
        ("postgresql://u@h:0/shop", "'0'"),
        ("postgresql://u@h:٣/shop", "'٣'"),
        ("postgresql://u@[h/shop", "must look like postgresql://"),
        ("postgresql://u@h 1/shop", "'h 1'"),
        ("postgresql://u@a,b/shop", "several hosts"),
        ("postgresql://u@h/shop?sslmode=maybe", "'maybe'"),
        ("postgresql://u@h/shop?pooler=odyssey", "'odyssey'"),
        ("postgresql://u@h/shop?options=-csearch_path%3Dx", "'options'"),
        ("postgresql://u@h/shop?service=x", "'service'"),
        ("postgresql://u@h/shop?schema=public", "'schema'"),
    ],
)
def test_unsupported_url_is_rejected(url: str, named: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(named)):
        DatabaseSettings.from_url(url)


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "password"),
    [
        ("postgresql+psycopg://u:p@h/shop", "h", 5432, "u", "p"),
        ("postgresql+pg8000://u:p@h:6432/shop", "h", 6432, "u", "p"),
        ("postgres://u:a%40b%2Bc+d@h/shop", "h", 5432, "u", "a@b+c+d"),
        ("postgresql://h/shop?user=u&password=a+b", "h", 5432, "u", "a+b"),
        ("postgresql://u@[::1]:6432/shop", "::1", 6432, "u", ""),
        ("postgresql://u@%2Fvar%2Frun%2Fpostgresql/shop", "/var/run/postgresql", 5432, "u", ""),
        ("postgresql://u@/shop?host=/tmp&port=6432", "/tmp", 6432, "u", ""),
        ("postgresql+pg8000://u@/shop?unix_sock=/tmp/.s.PGSQL.6432", "/tmp", 6432, "u", ""),
        ("postgresql://u@h/shop?application_name=x&channel_binding=require", "h", 5432, "u", ""),
    ],
)
def test_psql_and_sqlalchemy_urls_are_accepted(
    url: str, host: str, port: int, user: str, password: str
) -> None:
    settings = DatabaseSettings.from_url(url)
    expected = (host, port, user, password)
    assert (settings.host, settings.port, settings.user, settings.password) == expected
    assert (settings.name, settings.auth) == ("shop", "password" if password else "none")


@pytest.mark.parametrize(("query", "pooler"), [("", "none"), ("?pooler=pgbouncer", "pgbouncer")])
def test_url_may_name_the_pooler(query: str, pooler: str) -> None:
    assert DatabaseSettings.from_url("postgresql://u@h/shop" + query).pooler == pooler


def test_url_may_name_the_ca_file() -> None:
    url = "postgresql://u@db.example/shop?sslmode=verify-full&sslrootcert="
    assert DatabaseSettings.from_url(url + "/etc/ca.pem").ca_file == "/etc/ca.pem"
    assert DatabaseSettings.from_url(url + "system").ca_file == ""


@pytest.mark.parametrize(
    ("value", "host", "port"),
    [
        ("replica.example", "replica.example", 6432),
        ("replica.example:5433", "replica.example", 5433),
        ("127.0.0.1:1", "127.0.0.1", 1),
        ("[::1]:5433", "::1", 5433),
    ],
)
def test_replica_has_the_primarys_settings(value: str, host: str, port: int) -> None:
    settings = Settings.from_env(
        REQUIRED | {"SLUICE_DB_PORT": "6432", "SLUICE_REPLICA_HOST": value}
    )
    assert settings.replica == settings.database._replace(host=host, port=port, deadline_share=0.5)
    assert Settings.from_env(REQUIRED | {"SLUICE_REPLICA_HOST": " "}).replica is None


@pytest.mark.parametrize(
    "value", ["replica:0", "replica:65536", "replica:x", ":5433", "a b", "postgresql://replica"]
)
def test_invalid_replica_host_is_rejected(value: str) -> None:
    (problem,) = problems(REQUIRED | {"SLUICE_REPLICA_HOST": value})
    assert problem.startswith("SLUICE_REPLICA_HOST must be a host, or host:port")


def test_tenant_settings_are_read() -> None:
    assert Settings.from_env(REQUIRED).rls is False
    tokens = {"SLUICE_JWT_ISSUER": "https://issuer.example/", "SLUICE_JWT_AUDIENCE": "sluice"}
    given = {"SLUICE_RLS": "on", "SLUICE_TENANT_CLAIM": " app.org "}
    settings = Settings.from_env(REQUIRED | tokens | given)
    assert settings.rls is True
    assert settings.jwt is not None
    assert settings.jwt.tenant_claim == "app.org"


def test_rls_is_not_for_rds_proxy() -> None:
    (problem,) = problems(REQUIRED | {"SLUICE_RLS": "on", "SLUICE_DB_POOLER": "rds-proxy"})
    assert problem.startswith("SLUICE_RLS cannot be on with SLUICE_DB_POOLER rds-proxy")
    assert Settings.from_env(REQUIRED | {"SLUICE_RLS": "on", "SLUICE_DB_POOLER": "pgbouncer"}).rls
