"""The composition root: everything with a side effect, built once for each execution environment.

Importing this builds nothing. `current()` builds on first use, never at init: a database that is
waking up must not fail a cold start. Tests `install` a runtime of their own.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sluice import aws
from sluice.db.credentials import SecretPassword
from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.db.replay import replay
from sluice.identity.caller import Caller, Gate
from sluice.identity.keys import ApiKeys
from sluice.repositories.analytics import AnalyticsRepository
from sluice.repositories.cursor import CursorSigner
from sluice.repositories.schema import SchemaRepository
from sluice.settings import Settings
from sluice.unit_of_work import Repositories, UnitOfWork

T = TypeVar("T")


class Runtime(Repositories):
    """What handlers work with. Repositories hold no session: each call is one statement, kept when it returns."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings = settings
        self.database = database
        self._signer = CursorSigner(settings.cursor_key)
        super().__init__(database, self._signer)
        self.gate = _gate(settings)
        self.analytics = AnalyticsRepository(database)
        self.schema = SchemaRepository(database)

    @contextmanager
    def unit_of_work(self) -> Iterator[UnitOfWork]:
        """The repositories over one transaction, undone unless it is committed."""
        with self.database.transaction() as transaction:
            yield UnitOfWork(transaction, self._signer)

    def transact(self, use_case: Callable[[UnitOfWork], T]) -> T:
        """What `use_case` returns, committed. It is run again where its transaction lost against another."""

        def unit() -> T:
            with self.unit_of_work() as work:
                result = use_case(work)
                work.commit()
            return result

        return replay(unit)


def build(settings: Settings) -> Runtime:
    """Wire a runtime. Connects to nothing."""
    logging.getLogger("sluice").setLevel(settings.log_level)
    engine = make_engine(settings.database, "function", credentials=credentials(settings))
    return Runtime(settings, Database(engine))


def _gate(settings: Settings) -> Gate:
    dynamodb = aws.Client(settings.aws, "dynamodb", endpoint=settings.aws.dynamodb_endpoint, version="1.0")
    keys = ApiKeys(dynamodb, settings.api_keys_table)
    tokens = None
    if settings.tokens is not None:
        from sluice.identity.tokens import Tokens  # only where an issuer is trusted

        tokens = Tokens(settings.tokens)
    return Gate(keys, tokens, clock=time.time)


def credentials(settings: Settings) -> Callable[[], str] | None:
    """What asks for the password of each new connection, where it is in Secrets Manager."""
    if settings.database.password:
        return None
    return SecretPassword(settings.aws, settings.database.secret_arn)


_lock = threading.Lock()
_current: Runtime | None = None


def current() -> Runtime:
    """This environment's runtime. SettingsError, naming every problem, where the environment cannot be used."""
    global _current
    if _current is None:
        with _lock:
            if _current is None:
                _current = build(Settings.from_env())
    return _current


def cors_origins() -> tuple[str, ...]:
    """The origins whose pages may call the API; fails as `current` does."""
    return current().settings.cors_origins


def identify(key: str | None, authorization: str | None) -> Caller:
    """Who shows these credentials. Unauthenticated, IdentityUnavailable; fails as `current` does."""
    return current().gate.identify(key, authorization)


def install(runtime: Runtime | None) -> None:
    """Put `runtime` in place; None makes the next `current()` build anew."""
    global _current
    with _lock:
        _current = runtime
