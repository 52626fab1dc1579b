-- The example database of the tutorial "Your own tables". `make example-database` creates it.
CREATE TABLE customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name varchar(100) NOT NULL UNIQUE,
    country char(2) NOT NULL,
    internal_note text
);
CREATE INDEX ON customers (country, id);

CREATE TABLE invoices (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    customer_id bigint NOT NULL REFERENCES customers,
    number varchar(20) NOT NULL UNIQUE,
    amount numeric(12, 2) NOT NULL CHECK (amount >= 0),
    issued_on date NOT NULL DEFAULT current_date,
    paid boolean NOT NULL DEFAULT false
);
CREATE INDEX ON invoices (customer_id, id);
CREATE INDEX ON invoices (issued_on, id);

INSERT INTO customers (name, country)
SELECT 'Customer ' || n, (ARRAY['DE', 'FR', 'PL'])[n % 3 + 1] FROM generate_series(1, 60) AS n;

INSERT INTO invoices (customer_id, number, amount, issued_on, paid)
SELECT n % 60 + 1, 'R-' || 1000 + n, n * 7.25, date '2026-01-01' + n % 180, n % 4 = 0
FROM generate_series(1, 600) AS n;
