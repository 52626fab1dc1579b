"""As whom the functions work with the database, and what they can do there.

On the embedded server they are `sluice_app` and `sluice_analyst`. In a database that DATABASE_URL names they have
login roles of this run, if `make migrate` was run for it; else they only read, as the user of the URL.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial

from local.database import (
    ANALYST_ROLE,
    APP_ROLE,
    DatabaseUnusable,
    Login,
    give_up_imports,
    prepare,
    settings_of,
)
from local.own_database import Found, Guests, look
from local.state import State
from sluice.settings import DatabaseSettings


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """The functions' logins. `remarks` says what is missing; `keep` is called now and then while the system runs."""

    version: str
    app: Login
    analyst: Login  # without a password there is no analytics by SQL
    shop: bool = True  # its tables are there, and may be written to
    remarks: tuple[str, ...] = ()
    migrated: bool = True
    keep: Callable[[], None] = _nothing

    def settings(self, url: str, login: Login) -> DatabaseSettings:
        """How `login` connects to the database at `url`."""
        settings = settings_of(url)
        auth = settings.auth if login.role == settings.user else "password"
        return replace(
            settings, user=login.role, password=login.password, auth=auth, migrated=self.migrated
        )

    def environment(self, url: str, user: str | None) -> Mapping[str, str]:
        """The variables of a function that works as `user`, beside those that the template gives it."""
        settings, found = settings_of(url), {}
        if not self.migrated:
            found["SLUICE_DB_MIGRATED"] = "off"
        if user == settings.user and settings.auth == "none":
            found["SLUICE_DB_AUTH"] = "none"
        if settings.ca_file:
            found["SLUICE_DB_CA_FILE"] = settings.ca_file
        if settings.pooler != "none":
            found["SLUICE_DB_POOLER"] = settings.pooler
        return found


def embedded(url: str, state: State) -> DatabaseAccess:
    """Prepare the embedded server's database at `url`."""
    app = Login(APP_ROLE, APP_ROLE, state.secret("app_password"))
    analyst = Login(ANALYST_ROLE, ANALYST_ROLE, state.secret("analyst_password"))
    version = prepare(url, app, analyst)
    give_up_imports(url)
    return DatabaseAccess(version, app, analyst)


def own(url: str, state: State, parts: ExitStack) -> DatabaseAccess:
    """Look at the database at `url`, and create login roles if it was migrated; `parts` drops them at the end."""
    found, settings = look(url), settings_of(url)
    remarks = found.remarks(settings.name)
    nobody = Login(ANALYST_ROLE, ANALYST_ROLE, "")
    given = Login(APP_ROLE, settings.user, settings.password)
    if not found.migrated:
        return DatabaseAccess(
            found.version, given, nobody, found.shop, tuple(remarks), migrated=False
        )
    guests = Guests(
        url,
        app_password=state.secret("app_password"),
        analyst_password=state.secret("analyst_password"),
    )
    guests.hold()
    parts.callback(guests.drop)
    guests.drop_stale()
    if guests.create():
        access = DatabaseAccess(
            found.version, guests.app, guests.analyst, found.shop, tuple(remarks)
        )
        return replace(access, keep=partial(_keep, guests))
    return _without_guests(found, given, nobody, remarks, settings)


def _keep(guests: Guests) -> None:
    with suppress(DatabaseUnusable):  # the server is away: later, then
        guests.hold()


def _without_guests(
    found: Found, given: Login, nobody: Login, remarks: list[str], settings: DatabaseSettings
) -> DatabaseAccess:
    """The user may not create login roles: the functions work as the user, who may have the rights or not."""
    refused = f"the user {settings.user} may not create login roles"
    if found.usable:
        remarks.append(
            f"{refused}, so the functions work as that user, and analytics by SQL is off"
        )
    else:
        remarks.append(
            f"{refused} nor use the schema sluice, so Sluice only reads; "
            f"an administrator can change that: GRANT {APP_ROLE} TO {settings.user}"
        )
    return DatabaseAccess(
        found.version,
        given,
        nobody,
        found.shop and found.usable,
        tuple(remarks),
        migrated=found.usable,
    )


def check_seed(access: DatabaseAccess, name: str) -> None:
    """Raise DatabaseUnusable if demo data was asked for and cannot be added."""
    if not (access.migrated and access.shop):
        raise DatabaseUnusable(
            f"SLUICE_SEED=demo needs the shop in the database {name}: APP=shop make migrate DATABASE_URL=…"
        )
