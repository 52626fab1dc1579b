-- A foreign schema with kinds of columns and keys for which pages need a field of their own.
CREATE SCHEMA crm;
CREATE TYPE crm.stage AS ENUM ('lead', 'in talks', 'won');
CREATE DOMAIN crm.code AS text CHECK (value ~ '^[A-Z]{2}-[0-9]{4}$');
CREATE DOMAIN crm.percent AS numeric(5, 2) CHECK (value BETWEEN 5 AND 40);
CREATE TABLE crm.companies (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    code crm.code NOT NULL UNIQUE,
    name varchar(80) NOT NULL,
    stage crm.stage NOT NULL DEFAULT 'lead',
    discount crm.percent NOT NULL DEFAULT 5,
    tags text[] NOT NULL DEFAULT '{}',
    settings jsonb,
    is_active boolean NOT NULL DEFAULT true,
    contract daterange,
    founded date CHECK (founded >= '1800-01-01'),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON crm.companies (name, id);
CREATE INDEX ON crm.companies (stage, id);
CREATE TABLE crm.rates (
    country char(2) CHECK (country ~ '^[A-Z]{2}$'), valid_from date, rate double precision NOT NULL,
    PRIMARY KEY (country, valid_from)
);
CREATE TABLE crm.labels (slug text PRIMARY KEY CHECK (slug = lower(slug)), title varchar(40) NOT NULL);
CREATE TABLE crm.deals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company_id uuid NOT NULL REFERENCES crm.companies,
    country char(2) NOT NULL,
    valid_from date NOT NULL,
    amount numeric(10, 2) NOT NULL CHECK (amount > 0),
    notes text,
    FOREIGN KEY (country, valid_from) REFERENCES crm.rates
);
CREATE INDEX ON crm.deals (company_id, id);
CREATE INDEX ON crm.deals (country, valid_from, id);
CREATE TABLE crm.company_labels (
    company_id uuid REFERENCES crm.companies ON DELETE CASCADE,
    label text REFERENCES crm.labels,
    note text,
    PRIMARY KEY (company_id, label)
);
CREATE INDEX ON crm.company_labels (label, company_id);
CREATE TABLE crm.calls (
    id integer, at timestamptz, company_id uuid NOT NULL REFERENCES crm.companies, seconds integer,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE crm.calls_2025 PARTITION OF crm.calls
    FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2026-01-01 00:00+00');
CREATE INDEX ON crm.calls (company_id, id, at);
CREATE VIEW crm.open_companies AS
    SELECT id, code, name FROM crm.companies WHERE stage <> 'won';

INSERT INTO crm.companies (code, name, stage, discount, tags, settings, contract, founded)
    SELECT 'AB-' || lpad(number::text, 4, '0'), 'Company ' || number,
        (ARRAY['lead', 'in talks', 'won']::crm.stage[])[1 + number % 3], 5 + number % 30,
        ARRAY['tag ' || number % 4, 'all'], jsonb_build_object('level', number),
        daterange('2025-01-01', DATE '2025-02-01' + number), DATE '1990-01-01' + number
    FROM generate_series(1, 45) AS number;
INSERT INTO crm.rates
    SELECT country, day, 1.5
    FROM unnest(ARRAY['DE', 'FR', 'IT']) AS country,
        generate_series(DATE '2025-01-01', DATE '2025-01-10', INTERVAL '1 day') AS day;
INSERT INTO crm.labels VALUES ('partner', 'Partner'), ('press', 'Press'), ('old friend/50%', 'Old friend');
INSERT INTO crm.deals (company_id, country, valid_from, amount)
    SELECT id, 'DE', '2025-01-01', 100 + discount FROM crm.companies;
INSERT INTO crm.company_labels (company_id, label)
    SELECT id, 'press' FROM crm.companies ORDER BY code LIMIT 10;
INSERT INTO crm.calls
    SELECT number, TIMESTAMPTZ '2025-03-01 09:00+00' + number * INTERVAL '1 hour',
        (SELECT id FROM crm.companies ORDER BY code LIMIT 1), number * 10
    FROM generate_series(1, 5) AS number;
