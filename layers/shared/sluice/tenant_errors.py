"""The errors of row-level security, the second lock of tenants."""

from collections.abc import Mapping

from sluice.errors import SluiceError, Unavailable


class RlsMissing(Unavailable):
    """Row-level security is on, but does not protect all tables; or it is off, and their policies
    hide all rows. `members` are those of /health/ready.
    """

    code = "rls_missing"
    title = "Row-level security does not fit the tables of tenants"

    def __init__(self, detail: str = "", *, members: Mapping[str, object] | None = None) -> None:
        super().__init__(detail, retry_after=60)
        self.members = members or {}


class RlsRequired(SluiceError):
    """An analyst's query names a table of tenants that row-level security does not protect."""

    code = "rls_required"
    status = 403
    title = "SQL over rows of tenants needs row-level security"
