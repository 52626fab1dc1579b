"""The composition root: everything with a side effect, built once for each execution environment.

Importing this builds nothing. `current()` builds on first use, never at init: a database that is
waking up must not fail a cold start. Tests `install` a runtime of their own.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from sluice.db.credentials import SecretPassword
from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.repositories.analytics import AnalyticsRepository
from sluice.repositories.categories import CategoryRepository
from sluice.repositories.cursor import CursorSigner
from sluice.repositories.inventory import InventoryRepository
from sluice.repositories.products import ProductRepository
from sluice.repositories.schema import SchemaRepository
from sluice.repositories.users import UserRepository
from sluice.settings import Settings


@dataclass(frozen=True, slots=True)
class Runtime:
    """What handlers work with. Repositories hold no session: each call is one statement on the pool."""

    settings: Settings
    database: Database
    categories: CategoryRepository
    products: ProductRepository
    inventory: InventoryRepository
    users: UserRepository
    analytics: AnalyticsRepository
    schema: SchemaRepository


def build(settings: Settings) -> Runtime:
    """Wire a runtime. Connects to nothing."""
    logging.getLogger("sluice").setLevel(settings.log_level)
    database = Database(make_engine(settings.database, "function", credentials=credentials(settings)))
    signer = CursorSigner(settings.cursor_key)
    return Runtime(
        settings=settings,
        database=database,
        categories=CategoryRepository(database, signer),
        products=ProductRepository(database, signer),
        inventory=InventoryRepository(database, signer),
        users=UserRepository(database, signer),
        analytics=AnalyticsRepository(database),
        schema=SchemaRepository(database),
    )


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


def install(runtime: Runtime | None) -> None:
    """Put `runtime` in place; None makes the next `current()` build anew."""
    global _current
    with _lock:
        _current = runtime
