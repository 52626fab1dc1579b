"""The policies of the tables of lodge, and an executor that removes the tenant from statements."""

import re
from typing import Any, Final

from sluice.db.database import Database, Rows
from sluice.query import Query
from sluice.tenants import TENANT_PARAMETER

TENANT: Final = "(SELECT CAST(nullif(current_setting('sluice.tenant', true), '') AS uuid))"
OF_STAY: Final = (
    f"EXISTS (SELECT FROM lodge.stays s WHERE s.id = stay_id AND s.house_id = {TENANT})"
)
CONDITIONS: Final = {
    "houses": f"id = {TENANT}",
    "guests": f"house_id = {TENANT}",
    "stays": f"house_id = {TENANT}",
    "tags": f"house_id = {TENANT}",
    "stay_tags": f"house_id = {TENANT}",
    "nights": OF_STAY,
    "remarks": OF_STAY,
    "answers": (
        "EXISTS (SELECT FROM lodge.remarks r JOIN lodge.stays s ON s.id = r.stay_id"
        f" WHERE r.id = remark_id AND s.house_id = {TENANT})"
    ),
    "visited": (
        f"EXISTS (SELECT FROM lodge.guests g WHERE g.id = guest_id AND g.house_id = {TENANT})"
    ),
}
POLICIES: Final = "".join(
    f"ALTER TABLE lodge.{table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
    f"CREATE POLICY sluice_tenant ON lodge.{table} TO sluice_app"
    f" USING ({condition}) WITH CHECK ({condition});"
    for table, condition in CONDITIONS.items()
)
PREDICATE: Final = re.compile(rf'[\w."]+ = (CAST\(:{TENANT_PARAMETER} AS uuid\))')


class WithoutPredicate(Database):
    """A database whose statements lost the condition of the tenant. They still bind it."""

    removed = 0  # conditions

    def _execute(self, pooled: Any, query: Query, *, own_transaction: bool) -> Rows:
        sql, removed = PREDICATE.subn(r"\1 IS NOT NULL", query.sql)
        self.removed += removed
        return super()._execute(pooled, query._replace(sql=sql), own_transaction=own_transaction)
