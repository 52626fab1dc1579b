-- Tables of tenants as they are found: with the column, below a row, shared, and with neither.
CREATE EXTENSION IF NOT EXISTS citext;
CREATE SCHEMA firm;
CREATE TABLE firm.organisations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE
);
CREATE TABLE firm.countries (code char(2) PRIMARY KEY, name text NOT NULL);
CREATE TABLE firm.people (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES firm.organisations,
    country char(2) REFERENCES firm.countries,
    email citext NOT NULL,
    badge text UNIQUE,
    phone text CONSTRAINT one_phone UNIQUE,
    born date,
    CONSTRAINT one_address UNIQUE (organisation_id, email)
);
CREATE INDEX ON firm.people (country);
CREATE INDEX ON firm.people (born);
CREATE TABLE firm.deals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES firm.organisations,
    owner_id bigint REFERENCES firm.people,
    title text NOT NULL,
    stage text NOT NULL DEFAULT 'lead',
    tags text[] NOT NULL DEFAULT '{}'
);
CREATE INDEX ON firm.deals (organisation_id, id);
CREATE INDEX ON firm.deals (owner_id, id);
CREATE INDEX ON firm.deals (organisation_id, title, id);
CREATE INDEX ON firm.deals (stage);
CREATE INDEX ON firm.deals USING gin (tags);
CREATE TABLE firm.notes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deal_id bigint NOT NULL REFERENCES firm.deals,
    author_id bigint REFERENCES firm.people,
    body text NOT NULL
);
CREATE INDEX ON firm.notes (deal_id, id);
CREATE TABLE firm.answers (
    note_id bigint REFERENCES firm.notes, number integer, body text NOT NULL,
    PRIMARY KEY (note_id, number)
);
CREATE TABLE firm.labels (
    slug citext PRIMARY KEY,
    organisation_id uuid NOT NULL REFERENCES firm.organisations,
    title text NOT NULL
);
CREATE TABLE firm.deal_labels (
    deal_id bigint REFERENCES firm.deals, slug citext REFERENCES firm.labels,
    organisation_id uuid NOT NULL REFERENCES firm.organisations,
    weight integer NOT NULL DEFAULT 1,
    PRIMARY KEY (deal_id, slug)
);
CREATE INDEX ON firm.deal_labels (slug, deal_id);
CREATE TABLE firm.visited (
    person_id bigint REFERENCES firm.people, code char(2) REFERENCES firm.countries,
    PRIMARY KEY (person_id, code)
);
CREATE INDEX ON firm.visited (code, person_id);
CREATE TABLE firm.rates (
    organisation_id uuid REFERENCES firm.organisations, day date, rate numeric(8, 2) NOT NULL,
    PRIMARY KEY (organisation_id, day)
);
CREATE TABLE firm.offices (
    id integer PRIMARY KEY, owner uuid NOT NULL REFERENCES firm.organisations, town text
);
CREATE INDEX ON firm.offices (owner, id);
CREATE UNIQUE INDEX offices_town ON firm.offices (town) WHERE id > 0;
CREATE TABLE firm.transfers (
    id bigint PRIMARY KEY,
    from_id bigint NOT NULL REFERENCES firm.people, to_id bigint NOT NULL REFERENCES firm.people
);
CREATE TABLE firm.receipts (id bigint PRIMARY KEY, transfer_id bigint NOT NULL REFERENCES firm.transfers);
CREATE TABLE firm.hints (id bigint PRIMARY KEY, deal_id bigint REFERENCES firm.deals, text text);
CREATE TABLE firm.events (id bigint PRIMARY KEY, kind text NOT NULL);
CREATE TABLE firm.visits (
    id bigint PRIMARY KEY, organisation_id uuid REFERENCES firm.organisations, page text
);
CREATE TABLE firm.imports_of (id bigint PRIMARY KEY, organisation_id integer NOT NULL);
CREATE VIEW firm.open_deals AS
    SELECT id, organisation_id, title FROM firm.deals WHERE stage = 'lead';
