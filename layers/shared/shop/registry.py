"""The resources of the application shop, as names. Derived by `make derive`: do not edit."""

REPOSITORIES: dict[str, str] = {}
ROUTES: dict[str, str] = {}
DECLARATIONS: dict[str, str] = {}
GROUPS: dict[str, dict[str, tuple[str, ...]]] = {}
SCOPES: tuple[str, ...] = ()
REPLICA_SCOPES: tuple[str, ...] = ()
IMPORTS: tuple[str, ...] = ()
ERROR_FIELDS: dict[str, str] = {}
TABLES: tuple[tuple[str, str, bool], ...] = ()
ANALYST_TABLES: dict[str, tuple[dict[str, tuple[object, ...]], tuple[tuple[str, ...], ...]]] = {}
GRAPHQL: dict[str, dict[str, object]] = {}
GRAPHQL_ENUMS: tuple[str, ...] = ()
GRAPHQL_BY_HAND: str = ""
