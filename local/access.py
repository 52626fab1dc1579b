"""Determine the roles with which the functions log in to the database, and what they may do there.

On the embedded server the roles are `sluice_app` and `sluice_analyst`. In a database that
DATABASE_URL names, they are temporary login roles if `make migrate` was run for it. If the user of
the URL may not create roles, the functions log in as that user. Without `make migrate` they also
log in as that user, and only read.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial

from local.database import (
    DatabaseUnusable,
    RoleLogin,
    fail_unfinished_imports,
    migrate_embedded,
    settings_from_url,
)
from local.own_database import DatabaseContents, TemporaryRoles, inspect_database
from local.state import StateFolder
from sluice import application
from sluice.migrations import roles
from sluice.settings import DatabaseSettings


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class DatabaseAccess:
    """The roles that the functions log in as.

    `remarks` are sentences that name missing parts of the database. The system calls `renew_locks`
    repeatedly while it runs.
    """

    version: str
    app: RoleLogin
    analyst: RoleLogin  # without a password, SQL analytics is off
    has_tables: bool = True  # the functions can use the application's tables
    remarks: tuple[str, ...] = ()
    migrated: bool = True
    renew_locks: Callable[[], None] = _nothing

    def settings(self, url: str, login: RoleLogin) -> DatabaseSettings:
        """Return the settings with which `login` connects to the database at `url`."""
        settings = settings_from_url(url)
        auth = settings.auth if login.role == settings.user else "password"
        return settings._replace(
            user=login.role, password=login.password, auth=auth, migrated=self.migrated
        )

    def environment(self, url: str, user: str | None) -> Mapping[str, str]:
        """Return additional environment variables of a function that logs in as `user`."""
        settings = settings_from_url(url)
        variables: dict[str, str] = {}
        if not self.migrated:
            variables["SLUICE_DB_MIGRATED"] = "off"
        if user == settings.user and settings.auth == "none":
            variables["SLUICE_DB_AUTH"] = "none"
        if settings.ca_file:
            variables["SLUICE_DB_CA_FILE"] = settings.ca_file
        if settings.pooler != "none":
            variables["SLUICE_DB_POOLER"] = settings.pooler
        return variables


def prepare_embedded(url: str, state: StateFolder) -> DatabaseAccess:
    """Migrate the embedded server's database at `url` and return its two roles."""
    app = RoleLogin(roles.APP, roles.APP, state.secret("app_password"))
    analyst = RoleLogin(roles.ANALYST, roles.ANALYST, state.secret("analyst_password"))
    version = migrate_embedded(url, app, analyst)
    fail_unfinished_imports(url)
    return DatabaseAccess(version, app, analyst)


def prepare_own(url: str, state: StateFolder, parts: ExitStack) -> DatabaseAccess:
    """Inspect the database at `url`, and create temporary roles if it was migrated.

    The roles are dropped when `parts` is closed. Raise DatabaseUnusable.
    """
    contents, settings = inspect_database(url), settings_from_url(url)
    remarks = contents.remarks(settings.name)
    no_login = RoleLogin(roles.ANALYST, roles.ANALYST, "")
    url_login = RoleLogin(roles.APP, settings.user, settings.password)
    if not contents.migrated:
        return DatabaseAccess(
            contents.version,
            url_login,
            no_login,
            contents.has_tables,
            tuple(remarks),
            migrated=False,
        )
    temporary_roles = TemporaryRoles(
        url,
        app_password=state.secret("app_password"),
        analyst_password=state.secret("analyst_password"),
    )
    temporary_roles.lock()
    parts.callback(temporary_roles.drop)
    temporary_roles.drop_stale()
    if temporary_roles.create():
        access = DatabaseAccess(
            contents.version,
            temporary_roles.app,
            temporary_roles.analyst,
            contents.has_tables,
            tuple(remarks),
        )
        return replace(access, renew_locks=partial(_renew_locks, temporary_roles))
    return _without_temporary_roles(contents, url_login, no_login, remarks, settings)


def _renew_locks(temporary_roles: TemporaryRoles) -> None:
    with suppress(DatabaseUnusable):  # the server is not reachable; the next call tries again
        temporary_roles.lock()


def _without_temporary_roles(
    contents: DatabaseContents,
    url_login: RoleLogin,
    no_login: RoleLogin,
    remarks: list[str],
    settings: DatabaseSettings,
) -> DatabaseAccess:
    """Return the access of the URL's user, which may not create login roles."""
    reason = f"the user {settings.user} may not create login roles"
    if contents.usable:
        remarks.append(f"{reason}, so the functions work as that user, and SQL analytics is off")
    else:
        remarks.append(
            f"{reason} or use the schema sluice, so Sluice only reads; "
            f"an administrator can change that: GRANT {roles.APP} TO {settings.user}"
        )
    return DatabaseAccess(
        contents.version,
        url_login,
        no_login,
        contents.has_tables and contents.usable,
        tuple(remarks),
        migrated=contents.usable,
    )


def check_seed(access: DatabaseAccess, name: str) -> None:
    """Raise DatabaseUnusable if demo data cannot be added to the database."""
    if not (access.migrated and access.has_tables):
        app = application.current().name
        raise DatabaseUnusable(
            f"SLUICE_SEED=demo needs the {app}'s tables in the database {name}; "
            f"to add them: APP={app} make migrate DATABASE_URL=…"
        )
