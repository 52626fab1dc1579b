"""The setting `sluice.tenant`, which policies of row-level security compare with a row's tenant.

The drivers set it before each statement, for the transaction, and also if the request has no
tenant. So a value that another program left in the session never counts. Without a tenant the value
is empty, for which the policies return no rows. It holds no driver, so that compat.py can read it.
"""

# A statement without rows: the driver reads no rows of what it sends before a statement.
SET_TENANT = "SELECT 1 WHERE set_config('sluice.tenant', $1, true) IS NULL"
