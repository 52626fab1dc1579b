"""Row-level security, the second lock. Policies name their roles, so a new role needs one, too."""

from alembic import op

revision = "0002"
down_revision = "0001"

TENANT = "(SELECT nullif(current_setting('sluice.tenant', true), '')::uuid)"
OF_STUDIO = f"studio_id = {TENANT}"
OF_ORDER = f"order_id IN (SELECT o.id FROM studio.orders o WHERE o.studio_id = {TENANT})"
CONDITIONS = {
    "studios": f"id = {TENANT}",
    "users": OF_STUDIO,
    "orders": OF_STUDIO,
    "order_items": OF_ORDER,
    "notes": OF_ORDER,
    "labels": OF_STUDIO,
    "order_labels": OF_STUDIO,
    "rates": OF_STUDIO,
    "prices": OF_STUDIO,
    "vouchers": OF_STUDIO,
}

# A view reads its tables as its owner, who sees all rows. From version 15 on it can read them as
# the caller.
INVOKER = """
DO $$ BEGIN
    IF current_setting('server_version_num')::integer >= 150000 THEN
        ALTER VIEW studio.open_orders SET (security_invoker = true);
    END IF;
END $$
"""


def upgrade() -> None:
    for table, condition in CONDITIONS.items():
        op.execute(f"ALTER TABLE studio.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE studio.{table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY sluice_tenant ON studio.{table} TO sluice_app "
            f"USING ({condition}) WITH CHECK ({condition})"
        )
        op.execute(
            f"CREATE POLICY sluice_others ON studio.{table} TO CURRENT_USER "
            "USING (true) WITH CHECK (true)"
        )
    op.execute(INVOKER)
