"""The tables of the application lodge, and equal rows of two houses."""

from typing import Final

ONE: Final = "00000000-0000-4000-8000-000000000001"
TWO: Final = "00000000-0000-4000-8000-000000000002"
TABLES: Final = """
CREATE SCHEMA lodge;
CREATE TABLE lodge.houses (id uuid PRIMARY KEY, name text NOT NULL);
CREATE TABLE lodge.countries (code text PRIMARY KEY, name text NOT NULL);
CREATE TABLE lodge.guests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    house_id uuid NOT NULL REFERENCES lodge.houses,
    email text NOT NULL, name text NOT NULL,
    host_id bigint REFERENCES lodge.guests, country_code text REFERENCES lodge.countries,
    left_at timestamptz, UNIQUE (house_id, email)
);
CREATE TABLE lodge.visited (
    guest_id bigint REFERENCES lodge.guests, country_code text REFERENCES lodge.countries,
    PRIMARY KEY (guest_id, country_code)
);
CREATE TABLE lodge.stays (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    house_id uuid NOT NULL, guest_id bigint NOT NULL REFERENCES lodge.guests,
    state text NOT NULL, voucher text UNIQUE
);
CREATE TABLE lodge.tags (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    house_id uuid NOT NULL, slug text NOT NULL, UNIQUE (house_id, slug)
);
CREATE TABLE lodge.stay_tags (
    house_id uuid NOT NULL, stay_id bigint REFERENCES lodge.stays,
    tag_id bigint REFERENCES lodge.tags, weight integer, PRIMARY KEY (stay_id, tag_id)
);
CREATE TABLE lodge.nights (
    stay_id bigint REFERENCES lodge.stays, nr integer, price integer NOT NULL,
    PRIMARY KEY (stay_id, nr)
);
CREATE TABLE lodge.remarks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stay_id bigint NOT NULL REFERENCES lodge.stays, nr integer, place integer NOT NULL,
    text text NOT NULL, UNIQUE (stay_id, place), FOREIGN KEY (stay_id, nr) REFERENCES lodge.nights
);
CREATE TABLE lodge.answers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    remark_id bigint NOT NULL REFERENCES lodge.remarks, text text NOT NULL
);
CREATE FUNCTION lodge.close_stay(stay bigint) RETURNS lodge.stays LANGUAGE sql AS
    'UPDATE lodge.stays SET state = ''closed'' WHERE id = $1 RETURNING *';
CREATE FUNCTION lodge.empty_stay(stay bigint) RETURNS void LANGUAGE sql AS
    'UPDATE lodge.stays SET state = ''empty'' WHERE id = $1';
CREATE FUNCTION lodge.stay_length(stay bigint) RETURNS integer LANGUAGE sql STABLE AS
    'SELECT CAST(count(*) AS integer) FROM lodge.nights WHERE stay_id = $1';
CREATE FUNCTION lodge.other_stays(stay bigint) RETURNS SETOF lodge.stays LANGUAGE sql STABLE AS
    'SELECT * FROM lodge.stays WHERE id <> $1 ORDER BY id';
CREATE FUNCTION lodge.foreign_stay(stay bigint) RETURNS SETOF lodge.stays LANGUAGE sql STABLE AS
    'SELECT o.* FROM lodge.stays s JOIN lodge.stays o ON o.house_id <> s.house_id
     WHERE s.id = $1 LIMIT 1';
CREATE FUNCTION lodge.steal_stay(stay bigint) RETURNS SETOF lodge.stays LANGUAGE sql AS
    'UPDATE lodge.stays o SET state = ''stolen'' FROM lodge.stays s
     WHERE s.id = $1 AND o.house_id <> s.house_id RETURNING o.*';
GRANT USAGE ON SCHEMA lodge TO sluice_app;
GRANT ALL ON ALL TABLES IN SCHEMA lodge TO sluice_app
"""
# Both houses have equal rows: the ids of the first house are odd, those of the second one even.
ROWS: Final = f"""
TRUNCATE lodge.houses, lodge.countries, lodge.guests, lodge.visited, lodge.stays, lodge.tags,
    lodge.stay_tags, lodge.nights, lodge.remarks, lodge.answers, sluice.idempotency_keys
    RESTART IDENTITY;
INSERT INTO lodge.houses VALUES ('{ONE}', 'house'), ('{TWO}', 'house');
INSERT INTO lodge.countries VALUES ('de', 'Germany'), ('pt', 'Portugal');
INSERT INTO lodge.guests (house_id, email, name, host_id, country_code, left_at) VALUES
    ('{ONE}', 'ada@x', 'Ada', NULL, 'de', NULL), ('{TWO}', 'ada@x', 'Ada', NULL, 'de', NULL),
    ('{ONE}', 'bob@x', 'Bob', 1, 'pt', NULL), ('{TWO}', 'bob@x', 'Bob', 2, 'pt', NULL),
    ('{ONE}', 'eve@x', 'Eve', NULL, NULL, now()), ('{TWO}', 'eve@x', 'Eve', NULL, NULL, now());
INSERT INTO lodge.visited VALUES (1, 'pt'), (2, 'pt');
INSERT INTO lodge.stays (house_id, guest_id, state, voucher) VALUES
    ('{ONE}', 1, 'open', 'v1'), ('{TWO}', 2, 'open', 'v2'),
    ('{ONE}', 3, 'open', NULL), ('{TWO}', 4, 'open', NULL);
INSERT INTO lodge.tags (house_id, slug) VALUES
    ('{ONE}', 'quiet'), ('{TWO}', 'quiet'), ('{ONE}', 'late'), ('{TWO}', 'late');
INSERT INTO lodge.stay_tags VALUES ('{ONE}', 1, 1, 5), ('{TWO}', 2, 2, 5);
INSERT INTO lodge.nights VALUES (1, 1, 90), (2, 1, 90), (1, 2, 80), (2, 2, 80);
INSERT INTO lodge.remarks (stay_id, nr, place, text) VALUES
    (1, 1, 1, 'fine'), (2, 1, 1, 'fine'), (1, NULL, 2, 'loud'), (2, NULL, 2, 'loud');
INSERT INTO lodge.answers (remark_id, text) VALUES (1, 'thanks'), (2, 'thanks')
"""
