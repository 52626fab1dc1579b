-- What public schemas have: Northwind, Matrix Synapse, Logto, Django, Rails. PostgreSQL 14 to 18.
CREATE SCHEMA wide;

-- A key of the type bpchar, and one with references.
CREATE TABLE wide.customers (customer_id bpchar PRIMARY KEY, region bpchar NOT NULL);
CREATE TABLE wide.invoices (id integer PRIMARY KEY, customer_id bpchar REFERENCES wide.customers);
INSERT INTO wide.customers VALUES ('ALFKI', 'EU');
INSERT INTO wide.invoices VALUES (1, 'ALFKI');

-- A unique key that may be NULL.
CREATE TABLE wide.accounts (name text UNIQUE, home text);
INSERT INTO wide.accounts VALUES ('ann', '/'), (NULL, '/x'), (NULL, '/y');

-- References of the key and the tenant, of another unique key, and of columns that may be NULL.
CREATE TABLE wide.scopes (tenant text NOT NULL, id uuid PRIMARY KEY, code text UNIQUE, UNIQUE (tenant, id));
CREATE TABLE wide.granted (
    id integer PRIMARY KEY, tenant text NOT NULL, scope_id uuid NOT NULL, code text REFERENCES wide.scopes (code),
    FOREIGN KEY (tenant, scope_id) REFERENCES wide.scopes (tenant, id)
);
CREATE INDEX ON wide.granted (scope_id);
CREATE TABLE wide.offered (
    id integer PRIMARY KEY, tenant text, scope_id uuid NOT NULL,
    FOREIGN KEY (tenant, scope_id) REFERENCES wide.scopes (tenant, id)
);

-- Texts that an index on lower() finds.
CREATE TABLE wide.members (id integer PRIMARY KEY, email varchar(255) NOT NULL, nick text, town text);
CREATE UNIQUE INDEX ON wide.members (lower(email));
CREATE INDEX ON wide.members (lower(nick));
CREATE INDEX ON wide.members (lower(town));
CREATE INDEX ON wide.members (town);
INSERT INTO wide.members VALUES (1, 'Ann@example.com', 'Ann', 'Rome');

-- Names of secrets that are none, and columns of a secret that a new row needs.
CREATE TABLE wide.secrets (id integer PRIMARY KEY, secret text NOT NULL, token text NOT NULL);
CREATE TABLE wide.sealed (id integer PRIMARY KEY, token text NOT NULL, content bytea NOT NULL);
CREATE TABLE wide.secret_uses (secret_id text PRIMARY KEY, token_type text, password_algorithm text, session_token_id text, token text);
CREATE TABLE wide.django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL, expire_date timestamptz NOT NULL);
CREATE TABLE wide.vaults (
    id integer PRIMARY KEY, passphrase text, pwd varchar(20), passcode integer, credentials jsonb,
    access_key text, signing_key text, encryption_key text, cvv char(3), sort_key text, credential_id integer
);

-- Names that are one name in GraphQL, or that are those of a link, of a part of a key, and of a function.
CREATE TABLE wide.part1 (id integer PRIMARY KEY);
CREATE TABLE wide.part_1 (id integer PRIMARY KEY);
CREATE TABLE wide.film (id integer PRIMARY KEY);
CREATE TABLE wide.actor (id integer PRIMARY KEY);
CREATE TABLE wide.casting (film_id integer REFERENCES wide.film, actor_id integer REFERENCES wide.actor, PRIMARY KEY (film_id, actor_id));
CREATE TABLE wide.film_actor (id integer PRIMARY KEY);
CREATE TABLE wide.unlink_film_actor_payload (id integer PRIMARY KEY);
CREATE TABLE wide.rate (country text, day date, PRIMARY KEY (country, day));
CREATE TABLE wide.rate_by_key (id integer PRIMARY KEY);
CREATE FUNCTION wide.create_film(film_id integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE TABLE wide.health (id integer PRIMARY KEY);
CREATE TABLE wide.orders (id integer PRIMARY KEY);

-- Tables that inherit, with one key twice.
CREATE TABLE wide.staff (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE wide.doctors (speciality text, PRIMARY KEY (id)) INHERITS (wide.staff);
INSERT INTO wide.staff VALUES (1, 'Ann');
INSERT INTO wide.doctors VALUES (1, 'Bob', 'eyes');
