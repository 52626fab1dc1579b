-- 300,000 rows of 100 tenants: `plain` without policies, `locked` with row-level security.
CREATE TABLE plain (
    id bigint PRIMARY KEY,
    tenant_id uuid NOT NULL,
    body text NOT NULL,
    version int NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO plain
SELECT
    g,
    CAST('00000000-0000-0000-0000-' || lpad((g % 100)::text, 12, '0') AS uuid),
    'note ' || g,
    1,
    now() - g * interval '1 second'
FROM generate_series(1, 300000) AS g;
CREATE INDEX ON plain (tenant_id, id);
CREATE INDEX ON plain (tenant_id, created_at, id);
CREATE TABLE locked (LIKE plain INCLUDING ALL);
INSERT INTO locked SELECT * FROM plain;
ALTER TABLE locked ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY sluice_tenant ON locked
    USING (tenant_id = (SELECT CAST(nullif(current_setting('sluice.tenant', true), '') AS uuid)))
    WITH CHECK (tenant_id = (SELECT CAST(nullif(current_setting('sluice.tenant', true), '') AS uuid)));
CREATE ROLE tenants_app LOGIN PASSWORD 'app';
GRANT SELECT ON plain, locked TO tenants_app;
