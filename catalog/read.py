"""Read the catalogue of a database into a snapshot, with one query, from PostgreSQL 14 on.

The keys of the JSON are the attributes in catalog/snapshot.py. What is new in a version of
PostgreSQL is read by `to_jsonb(row) ->> 'name'`, which is NULL before it.
"""

from catalog.snapshot import Snapshot, from_plain
from sluice.query import Executor, Query

# PostgreSQL leaves out the schemas of this path when it prints names. So the text is the same
# for each role.
SEARCH_PATH = Query("SET LOCAL search_path = pg_catalog")
OWN_SCHEMA = "sluice"


def read(executor: Executor) -> Snapshot:
    """Return what the catalogue says of everything but PostgreSQL's own schemas and `sluice`."""
    rows = executor.read(Query(READ, before=SEARCH_PATH))
    return from_plain(rows[0].snapshot)


def _type(oid: str, modifier: str = "-1") -> str:
    """Return the SQL of a TypeReference: of an array, with the name of its items' type."""
    return f"""(
        SELECT json_build_object(
            'schema', n_.nspname, 'name', coalesce(i_.typname, a_.typname),
            'sql', format_type(a_.oid, nullif({modifier}, -1)),
            'modifier', {modifier}, 'is_array', i_.oid IS NOT NULL)
        FROM pg_type a_
        LEFT JOIN pg_type i_ ON i_.oid = a_.typelem AND i_.typarray = a_.oid
        JOIN pg_namespace n_ ON n_.oid = coalesce(i_.typnamespace, a_.typnamespace)
        WHERE a_.oid = {oid}
    )"""


def _columns(relation: str, numbers: str) -> str:
    """Return the SQL of a list of columns' names, in the order of their numbers."""
    return f"""(
        SELECT coalesce(json_agg(a_.attname ORDER BY k_.n), '[]')
        FROM unnest({numbers}) WITH ORDINALITY k_ (number, n)
        JOIN pg_attribute a_ ON a_.attrelid = {relation} AND a_.attnum = k_.number
    )"""


def _comment(catalog: str, oid: str, column: str = "0") -> str:
    return f"""coalesce((
        SELECT description FROM pg_description
        WHERE objoid = {oid} AND classoid = '{catalog}'::regclass AND objsubid = {column}
    ), '')"""


def _not_of_an_extension(catalog: str, oid: str) -> str:
    return f"""NOT EXISTS (
        SELECT FROM pg_depend
        WHERE classid = '{catalog}'::regclass AND objid = {oid} AND deptype = 'e'
    )"""


COLLATION = """
    SELECT n_.nspname || '.' || o.collname AS name, o.collisdeterministic AS is_deterministic
    FROM pg_collation o JOIN pg_namespace n_ ON n_.oid = o.collnamespace
    WHERE o.oid = a.attcollation AND a.attcollation <> t.typcollation"""
SEQUENCE = """
    SELECT n_.nspname || '.' || s_.relname
    FROM pg_depend d_
    JOIN pg_class s_ ON s_.oid = d_.objid AND s_.relkind = 'S'
    JOIN pg_namespace n_ ON n_.oid = s_.relnamespace
    WHERE d_.refclassid = 'pg_class'::regclass AND d_.classid = 'pg_class'::regclass
        AND d_.refobjid = a.attrelid AND d_.refobjsubid = a.attnum AND d_.deptype IN ('a', 'i')
    LIMIT 1"""
COLUMNS = f"""
    SELECT json_agg(json_build_object(
        'name', a.attname,
        'type', {_type("a.atttypid", "a.atttypmod")},
        'not_null', a.attnotnull,
        'default', pg_get_expr(f.adbin, f.adrelid),
        'identity', a.attidentity,
        'generated', a.attgenerated,
        'collation', coalesce(o.name, ''),
        'is_deterministic', coalesce(o.is_deterministic, true),
        'sequence', coalesce(({SEQUENCE}), ''),
        'comment', {_comment("pg_class", "a.attrelid", "a.attnum")}
    ) ORDER BY a.attnum)
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
    LEFT JOIN LATERAL ({COLLATION}) o ON true
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"""
CONSTRAINTS = f"""
    SELECT json_agg(json_build_object(
        'name', k.conname,
        'kind', k.contype,
        'columns', {_columns("k.conrelid", "k.conkey")},
        'expression', coalesce(pg_get_expr(k.conbin, k.conrelid), ''),
        'references', coalesce(rn.nspname || '.' || r.relname, ''),
        'referenced', {_columns("k.confrelid", "k.confkey")},
        'is_deferrable', k.condeferrable,
        'is_validated', k.convalidated,
        'is_enforced', coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true),
        'nulls_not_distinct', coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false),
        'has_period', coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false),
        'comment', {_comment("pg_constraint", "k.oid")}
    ) ORDER BY k.conname)
    FROM pg_constraint k
    LEFT JOIN pg_class r ON r.oid = k.confrelid AND k.confrelid <> 0
    LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
    LEFT JOIN pg_index i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u')
    WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'x', 'f')"""
HAS_PREFIXES = """
    (SELECT opcname LIKE '%_pattern_ops' FROM pg_opclass WHERE oid = i.indclass[k.n - 1])
    OR coalesce((
        SELECT CASE
            WHEN collname <> 'default' THEN collname::text
            WHEN to_jsonb(d) ->> 'datlocprovider' = 'i' THEN 'icu'
            WHEN to_jsonb(d) ->> 'datlocprovider' = 'b' THEN to_jsonb(d) ->> 'datlocale'
            ELSE d.datcollate::text
        END
        FROM pg_collation WHERE oid = i.indcollation[k.n - 1]
    ) IN ('C', 'POSIX'), false)"""
KEYS = f"""
    SELECT coalesce(json_agg(json_build_object(
        'column', coalesce(a.attname, ''),
        'sql', coalesce(quote_ident(a.attname), pg_get_indexdef(i.indexrelid, k.n::int, true)),
        'options', i.indoption[k.n - 1],
        'operator_class', coalesce((
            SELECT opcname FROM pg_opclass WHERE oid = i.indclass[k.n - 1] AND NOT opcdefault
        ), ''),
        'has_own_collation', i.indcollation[k.n - 1] IN (0, coalesce(a.attcollation, 0))
            OR a.attnum IS NULL,
        'has_prefixes', {HAS_PREFIXES}
    ) ORDER BY k.n), '[]')
    FROM generate_series(1, i.indnkeyatts) k (n)
    LEFT JOIN pg_attribute a
        ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n - 1] AND a.attnum > 0"""
INCLUDES = """
    SELECT coalesce(json_agg(a.attname ORDER BY k.n), '[]')
    FROM generate_series(i.indnkeyatts + 1, i.indnatts) k (n)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n - 1]"""
INDEXES = f"""
    SELECT json_agg(json_build_object(
        'name', x.relname,
        'method', m.amname,
        'keys', ({KEYS}),
        'includes', ({INCLUDES}),
        'predicate', coalesce(pg_get_expr(i.indpred, i.indrelid), ''),
        'is_unique', i.indisunique,
        'is_valid', i.indisvalid,
        'nulls_not_distinct', coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false)
    ) ORDER BY x.relname)
    FROM pg_index i
    JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_am m ON m.oid = x.relam
    WHERE i.indrelid = c.oid"""
TRIGGERS = f"""
    SELECT json_agg(json_build_object(
        'name', g.tgname,
        'timing', CASE
            WHEN g.tgtype & 2 <> 0 THEN 'BEFORE' WHEN g.tgtype & 64 <> 0 THEN 'INSTEAD OF'
            ELSE 'AFTER'
        END,
        'events', (
            SELECT json_agg(e.name)
            FROM (
                VALUES (4, 'INSERT'), (16, 'UPDATE'), (8, 'DELETE'), (32, 'TRUNCATE')
            ) e (bit, name)
            WHERE g.tgtype & e.bit <> 0
        ),
        'function', pn.nspname || '.' || p.proname,
        'columns', {_columns("g.tgrelid", "g.tgattr")},
        'is_row', g.tgtype & 1 <> 0,
        'is_enabled', g.tgenabled IN ('O', 'A')
    ) ORDER BY g.tgname)
    FROM pg_trigger g
    JOIN pg_proc p ON p.oid = g.tgfoid
    JOIN pg_namespace pn ON pn.oid = p.pronamespace
    WHERE g.tgrelid = c.oid AND NOT g.tgisinternal"""
PARENTS = """
    SELECT json_agg(pn.nspname || '.' || p.relname ORDER BY h.inhseqno)
    FROM pg_inherits h
    JOIN pg_class p ON p.oid = h.inhparent
    JOIN pg_namespace pn ON pn.oid = p.relnamespace
    WHERE h.inhrelid = c.oid"""
TABLES = f"""
    SELECT json_agg(json_build_object(
        'schema', n.nspname,
        'name', c.relname,
        'kind', c.relkind,
        'columns', coalesce(({COLUMNS}), '[]'),
        'constraints', coalesce(({CONSTRAINTS}), '[]'),
        'indexes', coalesce(({INDEXES}), '[]'),
        'triggers', coalesce(({TRIGGERS}), '[]'),
        'inherits', coalesce(({PARENTS}), '[]'),
        'has_row_security', c.relrowsecurity,
        'is_row_security_forced', c.relforcerowsecurity,
        'policies', (
            SELECT coalesce(json_agg(y.polname ORDER BY y.polname), '[]')
            FROM pg_policy y WHERE y.polrelid = c.oid
        ),
        'is_security_invoker', EXISTS (
            SELECT FROM unnest(c.reloptions) y
            WHERE y ~* '^security_invoker=(true|on|yes|1)$'
        ),
        'is_unlogged', c.relpersistence = 'u',
        'estimated_rows', c.reltuples::bigint,
        'comment', {_comment("pg_class", "c.oid")}
    ) ORDER BY n.nspname, c.relname)
    FROM pg_class c
    JOIN own n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
        AND c.relpersistence <> 't' AND {_not_of_an_extension("pg_class", "c.oid")}"""
CHECKS = """
    SELECT coalesce(json_agg(json_build_object(
        'name', k.conname, 'expression', pg_get_expr(k.conbin, 0)
    ) ORDER BY k.conname), '[]')
    FROM pg_constraint k
    WHERE k.contypid = t.oid AND k.contype = 'c'"""
LABELS = "SELECT coalesce(json_agg(enumlabel ORDER BY enumsortorder), '[]') FROM pg_enum"
TYPES = f"""
    SELECT json_agg(json_build_object(
        'schema', n.nspname,
        'name', t.typname,
        'kind', t.typtype,
        'labels', ({LABELS} WHERE enumtypid = t.oid),
        'base', CASE WHEN t.typtype = 'd' THEN {_type("t.typbasetype", "t.typtypmod")} END,
        'not_null', t.typnotnull,
        'default', t.typdefault,
        'checks', ({CHECKS}),
        'subtype', (SELECT {_type("r.rngsubtype")} FROM pg_range r WHERE r.rngtypid = t.oid),
        'extension', coalesce((
            SELECT x.extname FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid
            WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
        ), ''),
        'comment', {_comment("pg_type", "t.oid")}
    ) ORDER BY n.nspname, t.typname)
    FROM pg_type t
    JOIN own n ON n.oid = t.typnamespace
    WHERE t.typtype IN ('b', 'c', 'd', 'e', 'm', 'r')
        AND NOT EXISTS (SELECT FROM pg_type i WHERE i.typarray = t.oid)
        AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind <> 'c')"""
ARGUMENTS = f"""
    SELECT json_agg(json_build_object(
        'name', coalesce(p.proargnames[k.n], ''),
        'type', {_type("k.type")},
        'mode', coalesce(p.proargmodes[k.n], 'i'),
        'has_default', k.inputs > p.pronargs - p.pronargdefaults
    ) ORDER BY k.n)
    FROM (
        SELECT u.type, u.n, count(*) FILTER (
            WHERE coalesce(p.proargmodes[u.n], 'i') IN ('i', 'b', 'v')
        ) OVER (ORDER BY u.n) AS inputs
        FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) WITH ORDINALITY u (type, n)
    ) k"""
FUNCTIONS = f"""
    SELECT json_agg(json_build_object(
        'schema', n.nspname,
        'name', p.proname,
        'kind', p.prokind,
        'arguments', coalesce(({ARGUMENTS}), '[]'),
        'returns', {_type("p.prorettype")},
        'returns_set', p.proretset,
        'volatility', p.provolatile,
        'is_strict', p.proisstrict,
        'is_security_definer', p.prosecdef,
        'comment', {_comment("pg_proc", "p.oid")}
    ) ORDER BY n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
    FROM pg_proc p
    JOIN own n ON n.oid = p.pronamespace
    WHERE {_not_of_an_extension("pg_proc", "p.oid")}"""
READ = rf"""
    WITH own AS (
        SELECT oid, nspname FROM pg_namespace
        WHERE nspname NOT LIKE 'pg\_%' AND nspname NOT IN ('information_schema', '{OWN_SCHEMA}')
    )
    SELECT json_build_object(
        'database', d.datname,
        'version', current_setting('server_version_num')::integer,
        'search_path', (SELECT reset_val FROM pg_settings WHERE name = 'search_path'),
        'extensions', (
            SELECT coalesce(json_object_agg(x.extname, n.nspname ORDER BY x.extname), '{{}}')
            FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace
        ),
        'types', coalesce(({TYPES}), '[]'),
        'tables', coalesce(({TABLES}), '[]'),
        'functions', coalesce(({FUNCTIONS}), '[]')
    ) AS snapshot
    FROM pg_database d
    WHERE d.datname = current_database()
"""
