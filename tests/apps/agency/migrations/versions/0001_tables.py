"""The agency's tables, with each kind of key, column and relation. They have no version columns."""

from alembic import op

revision = "0001"
down_revision = None

SCHEMA = """
CREATE SCHEMA agency;
CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;
CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public;
CREATE TYPE agency.stage AS ENUM ('lead', 'offer', 'won', 'lost');
CREATE DOMAIN agency.percentage AS integer
    CONSTRAINT percentage_check CHECK (VALUE BETWEEN 0 AND 100);
CREATE DOMAIN agency.word AS text CONSTRAINT word_check CHECK (VALUE <> '')
"""
DEALS = """
CREATE TABLE agency.organisations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL CONSTRAINT organisations_name_key UNIQUE
);
CREATE TABLE agency.people (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organisation_id uuid NOT NULL CONSTRAINT people_organisation_id_fkey
        REFERENCES agency.organisations,
    email public.citext NOT NULL,
    name text NOT NULL,
    tags text[] NOT NULL DEFAULT '{}',
    profile jsonb,
    born_on date,
    deleted_at timestamptz,
    words tsvector GENERATED ALWAYS AS (to_tsvector('simple', name)) STORED,
    secret text NOT NULL DEFAULT 'never shown',
    CONSTRAINT people_organisation_id_email_key UNIQUE (organisation_id, email)
);
CREATE TABLE agency.deals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id uuid NOT NULL CONSTRAINT deals_owner_id_fkey REFERENCES agency.people,
    reviewer_id uuid CONSTRAINT deals_reviewer_id_fkey REFERENCES agency.people,
    title text NOT NULL,
    stage agency.stage NOT NULL DEFAULT 'lead',
    amount numeric(14, 2),
    during tstzrange
);
CREATE TABLE agency.labels (
    slug text PRIMARY KEY,
    title text NOT NULL
);
CREATE TABLE agency.deal_labels (
    deal_id bigint NOT NULL REFERENCES agency.deals ON DELETE CASCADE,
    label_slug text NOT NULL REFERENCES agency.labels,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (deal_id, label_slug)
);
CREATE TABLE agency.notes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    deal_id bigint NOT NULL CONSTRAINT notes_deal_id_fkey REFERENCES agency.deals,
    parent_id uuid CONSTRAINT notes_parent_id_fkey REFERENCES agency.notes,
    author_id uuid CONSTRAINT notes_author_id_fkey REFERENCES agency.people,
    body text NOT NULL
);
CREATE INDEX people_name_idx ON agency.people (name, id) WHERE deleted_at IS NULL;
CREATE INDEX people_organisation_idx ON agency.people (organisation_id, id);
CREATE INDEX people_email_idx ON agency.people (email, id);
CREATE INDEX people_born_on_idx ON agency.people (born_on, id);
CREATE INDEX people_tags_idx ON agency.people USING gin (tags);
CREATE INDEX people_profile_idx ON agency.people USING gin (profile jsonb_path_ops);
CREATE INDEX deals_owner_idx ON agency.deals (owner_id, id);
CREATE INDEX deals_reviewer_idx ON agency.deals (reviewer_id, id);
CREATE INDEX deals_title_idx ON agency.deals (title, id);
CREATE INDEX deals_title_prefix_idx ON agency.deals (title text_pattern_ops);
CREATE INDEX deals_stage_idx ON agency.deals (stage, id);
CREATE INDEX deals_amount_idx ON agency.deals (amount, id);
CREATE INDEX deals_stage_amount_idx ON agency.deals (stage, amount DESC, id DESC);
CREATE INDEX deals_amount_stage_idx ON agency.deals (amount, stage DESC, title, id);
CREATE INDEX deal_labels_label_idx ON agency.deal_labels (label_slug, deal_id);
CREATE INDEX notes_deal_idx ON agency.notes (deal_id, id);
CREATE INDEX notes_parent_idx ON agency.notes (parent_id, id);
CREATE INDEX notes_author_idx ON agency.notes (author_id, id);
ALTER TABLE agency.people ALTER profile SET STATISTICS 1000
"""
# A function gets the key of a row. `touch` returns nothing, `open_total` a value.
FUNCTIONS = (
    """
    CREATE FUNCTION agency.win(deal bigint, note text) RETURNS agency.deals LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
    DECLARE found agency.deals;
    BEGIN
        IF note = 'refused' THEN
            RAISE EXCEPTION USING ERRCODE = 'PT409', MESSAGE = 'the deal cannot be won';
        END IF;
        UPDATE agency.deals SET stage = 'won', title = coalesce(note, title)
        WHERE id = deal AND stage <> 'lost' RETURNING * INTO found;
        RETURN found;
    END $$
    """,
    """
    CREATE FUNCTION agency.open_total(deal bigint, at_least numeric) RETURNS numeric
    LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
        SELECT coalesce(sum(o.amount), 0) FROM agency.deals d
        JOIN agency.deals o ON o.owner_id = d.owner_id AND o.stage IN ('lead', 'offer')
            AND (at_least IS NULL OR o.amount >= at_least)
        WHERE d.id = deal
    $$
    """,
    """
    CREATE FUNCTION agency.siblings(deal bigint) RETURNS SETOF agency.deals
    LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
        SELECT o.* FROM agency.deals d JOIN agency.deals o ON o.owner_id = d.owner_id
        WHERE d.id = deal AND o.id <> d.id ORDER BY o.id
    $$
    """,
    """
    CREATE FUNCTION agency.touch(deal bigint) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog AS $$
        UPDATE agency.deals SET amount = coalesce(amount, 0) + 1 WHERE id = deal
    $$
    """,
)
KEYS = """
CREATE TABLE agency.rates (
    country char(2),
    valid_from date,
    rate double precision NOT NULL,
    PRIMARY KEY (country, valid_from)
);
CREATE TABLE agency.prices (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    country char(2) NOT NULL,
    valid_from date NOT NULL,
    amount numeric(10, 2) NOT NULL,
    CONSTRAINT prices_country_valid_from_fkey
        FOREIGN KEY (country, valid_from) REFERENCES agency.rates
);
CREATE TABLE agency.holidays (
    day date PRIMARY KEY,
    name text NOT NULL
);
CREATE TABLE agency.switches (
    state boolean PRIMARY KEY,
    name text NOT NULL
);
CREATE TABLE agency.stages (
    stage agency.stage PRIMARY KEY,
    name text NOT NULL
);
CREATE TABLE agency.events (
    happened_at timestamptz,
    stage agency.stage,
    kind text,
    source uuid,
    payload jsonb,
    PRIMARY KEY (happened_at, stage, kind, source)
);
CREATE TABLE agency.measurements (
    id bigint,
    measured_at timestamptz,
    value real,
    PRIMARY KEY (id, measured_at)
) PARTITION BY RANGE (measured_at);
CREATE TABLE agency.measurements_2026 PARTITION OF agency.measurements
    FOR VALUES FROM ('2026-01-01 UTC') TO ('2027-01-01 UTC');
CREATE TABLE agency.measurements_other PARTITION OF agency.measurements DEFAULT;
CREATE INDEX rates_rate_idx ON agency.rates (rate, country, valid_from);
CREATE INDEX prices_rate_idx ON agency.prices (country, valid_from, id);
CREATE INDEX prices_country_idx ON agency.prices (country, id);
CREATE INDEX prices_amount_idx ON agency.prices (amount, id);
CREATE INDEX holidays_name_idx ON agency.holidays (name, day);
CREATE INDEX measurements_value_idx ON agency.measurements (value, id, measured_at)
"""
RULES = """
CREATE TABLE agency.bookings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room integer NOT NULL,
    during tstzrange NOT NULL,
    "position" integer NOT NULL
        CONSTRAINT bookings_position_key UNIQUE DEFERRABLE INITIALLY DEFERRED,
    price numeric(10, 2) NOT NULL,
    discount numeric(10, 2) NOT NULL DEFAULT 0,
    share agency.percentage,
    to_pay numeric(10, 2) GENERATED ALWAYS AS (price - discount) STORED,
    CONSTRAINT bookings_room_during_excl EXCLUDE USING gist (room WITH =, during WITH &&),
    CONSTRAINT bookings_no_13_check CHECK (room <> 13 OR "position" <> 14)
);
CREATE TABLE agency."Order Lines" (
    "ID" bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    "Unit Price" numeric(10, 2) NOT NULL,
    "order" integer NOT NULL,
    "user" text,
    "Parcel Size" text
);
CREATE INDEX bookings_position_idx ON agency.bookings ("position", id);
CREATE INDEX bookings_to_pay_idx ON agency.bookings (to_pay, id);
CREATE INDEX lines_price_idx ON agency."Order Lines" ("Unit Price", "ID");
CREATE INDEX lines_order_idx ON agency."Order Lines" ("order", "ID");
CREATE INDEX lines_user_idx ON agency."Order Lines" ("user", "ID");
CREATE VIEW agency.pipeline AS
    SELECT d.id, d.title, d.stage, d.amount, p.name AS owner
    FROM agency.deals d JOIN agency.people p ON p.id = d.owner_id
    WHERE d.stage IN ('lead', 'offer');
CREATE MATERIALIZED VIEW agency.monthly AS
    SELECT date_trunc('month', valid_from::timestamp)::date AS month,
        count(*) AS rates, max(rate) AS highest
    FROM agency.rates GROUP BY 1;
CREATE UNIQUE INDEX monthly_month_idx ON agency.monthly (month);
CREATE INDEX monthly_highest_idx ON agency.monthly (highest, month)
"""
# Each kind, as a column that is NOT NULL and one that is nullable.
SCALARS = {
    "flag": "boolean",
    "small": "smallint",
    "whole": "integer",
    "large": "bigint",
    "exact": "numeric",
    "price": "numeric(9, 2)",
    "hundreds": "numeric(5, 0)",
    "measure": "double precision",
    "weight": "real",
    "title": "text",
    "code": "varchar(40)",
    "phrase": "varchar(20)",
    "word": "agency.word",
    "nick": "public.citext",
    "padded": "char(5)",
    "stage": "agency.stage",
    "width": "text",
    "reference": "uuid",
    "day": "date",
    "moment": "timestamptz",
    "local": "timestamp",
    "clock": "time",
    "length": "interval",
    "address": "inet",
    "network": "cidr",
    "share": "agency.percentage",
}
RANGES = {
    "ints": "int4range",
    "bigs": "int8range",
    "decimals": "numrange",
    "days": "daterange",
    "locals": "tsrange",
    "moments": "tstzrange",
}
DOCUMENT = {"document": "jsonb"}
ARRAYS = {f"{name}_list": f"{type}[]" for name, type in SCALARS.items()}

PATTERNS = {
    "title": "text_pattern_ops",
    "code": "varchar_pattern_ops",
    "phrase": "varchar_pattern_ops",
    "word": "text_pattern_ops",
    "padded": "bpchar_pattern_ops",
}
GIN_ARRAYS = tuple(f"{name}_list" for name in (*PATTERNS, "nick", "whole", "moment"))


def _twice(columns: dict[str, str]) -> str:
    return ", ".join(
        f"{name} {type} NOT NULL, {name}_or_null {type}" for name, type in columns.items()
    )


def _specimens() -> list[str]:
    columns = _twice({**SCALARS, **RANGES, **DOCUMENT, **ARRAYS})
    key = "id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
    every = [(name, is_null) for name in (*SCALARS, *RANGES) for is_null in ("", "_or_null")]
    return [
        f"CREATE TABLE agency.specimens ({key}, {columns})",
        *(f"CREATE INDEX ON agency.specimens ({name}{end}, id)" for name, end in every),
        *(
            f"CREATE INDEX ON agency.specimens ({name}{end} {opclass})"
            for name, opclass in PATTERNS.items()
            for end in ("", "_or_null")
        ),
        *(
            f"CREATE INDEX ON agency.specimens USING gin ({name}{end})"
            for name in ("document", *GIN_ARRAYS)
            for end in ("", "_or_null")
        ),
    ]


def upgrade() -> None:
    for statements in (SCHEMA, DEALS, KEYS, RULES):
        for statement in statements.split(";\n"):
            op.execute(statement)
    for statement in (*FUNCTIONS, *_specimens()):
        op.execute(statement)
