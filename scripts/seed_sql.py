"""What seed.py tells the server: the demo shop's rows go in as JSON, all others are made up where they are stored.

Every statement that inserts is whole in itself: products with their stock, orders with their items.
"""

# For two that start at once: the second waits, and then finds a shop.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('sluice.seed'))"
LOOK = "SELECT now(), EXISTS (SELECT FROM categories UNION ALL SELECT FROM products UNION ALL SELECT FROM users)"

# The word index takes new entries unsorted and merges them when they fill its pending list. Merging 64 MB at a time
# halves the time per product; until VACUUM merges the rest, a search has that list to read too. To drop the indexes and
# the foreign keys for the time would be faster, but lock readers out of a shop that is open.
SESSION = "SET work_mem = '64MB'; SET maintenance_work_mem = '256MB'; SET gin_pending_list_limit = '64MB'; SET jit = off"

ADD_CATEGORIES = """
    INSERT INTO categories (name, slug, created_at, updated_at)
    SELECT name, slug, created_at, created_at
    FROM json_to_recordset(CAST(:rows AS json)) AS r(name text, slug text, created_at timestamptz)
    ON CONFLICT DO NOTHING
"""

ADD_DEMO_USERS = """
    INSERT INTO users (email, name, created_at, updated_at)
    SELECT email, name, created_at, created_at
    FROM json_to_recordset(CAST(:rows AS json)) AS r(email text, name text, created_at timestamptz)
    ORDER BY created_at
"""

# Product and stock in one statement, so that the trigger which stocks new products finds nothing left to do.
ADD_DEMO_PRODUCTS = """
    WITH r AS (
        SELECT nextval((SELECT pg_get_serial_sequence('products', 'id'))) AS id, r.*
        FROM json_to_recordset(CAST(:rows AS json))
            AS r(name text, description text, price numeric, category text, inventory integer, created_at timestamptz)
    ), p AS (
        INSERT INTO products (id, name, description, price, category_id, created_at, updated_at)
        SELECT r.id, r.name, r.description, r.price, c.id, r.created_at, r.created_at
        FROM r JOIN categories c ON c.slug = r.category
    )
    INSERT INTO inventory (product_id, quantity, updated_at) SELECT id, inventory, created_at FROM r
"""

# The name ends in the id, as a model number, and so is unique. Kinds at the head of the list are drawn more often,
# makers too: some words are in every fourth product, some in one. Times grow with the id, over three years, and are
# cut to the minute: with the whole prices that gives a list's sorts their ties.
ADD_PRODUCTS = """
    WITH words AS (
        SELECT CAST(:makers AS text[]) AS makers, CAST(:qualities AS text[]) AS qualities,
               CAST(:openings AS text[]) AS openings, CAST(:closings AS text[]) AS closings
    ), kinds AS (
        SELECT k.n, k.kind, k.price, c.id AS category_id
        FROM unnest(CAST(:kinds AS text[]), CAST(:prices AS float[]), CAST(:slugs AS text[]))
            WITH ORDINALITY AS k(kind, price, slug, n)
        JOIN categories c ON c.slug = k.slug
    ), drawn AS (
        SELECT nextval((SELECT pg_get_serial_sequence('products', 'id'))) AS id,
               1 + floor(power(random(), 1.5) * cardinality(CAST(:kinds AS text[])))::bigint AS kind,
               makers[1 + floor(power(random(), 2) * cardinality(makers))::integer]
                   || CASE WHEN random() < 0.3
                      THEN ' ' || qualities[1 + floor(random() * cardinality(qualities))::integer] ELSE '' END AS maker,
               CASE WHEN random() < 0.95
                   THEN openings[1 + floor(power(random(), 1.5) * cardinality(openings))::integer] || ' '
                        || closings[1 + floor(power(random(), 1.5) * cardinality(closings))::integer]
               END AS description,
               exp((random() + random() - 1) * 0.8) AS size,
               (CAST('{0.99,0.99,0.95,0.50,0.00}' AS numeric[]))[1 + floor(random() * 5)::integer] AS cents,
               CASE WHEN random() < 0.03 THEN 0 ELSE 1 + floor(power(random(), 3) * 400)::integer END AS quantity,
               date_trunc('minute', now() - CAST(:span AS interval)
                   * power(1 - (n + random()) / CAST(:total AS float), 1.3)) AS created_at,
               CASE WHEN random() < 0.25 THEN random() END AS edited
        FROM generate_series(CAST(:first AS integer), CAST(:last AS integer) - 1) AS n, words
    ), made AS (
        SELECT d.*, d.maker || ' ' || k.kind || ' ' || upper(to_hex(4096 + d.id)) AS name,
               floor(k.price * d.size)::numeric + d.cents AS price, k.category_id,
               coalesce(created_at + (now() - created_at) * edited, created_at) AS updated_at
        FROM drawn d JOIN kinds k ON k.n = d.kind
    ), p AS (
        INSERT INTO products (id, name, description, price, category_id, created_at, updated_at, version)
        SELECT id, name, description, price, category_id, created_at, updated_at,
               CASE WHEN edited IS NULL THEN 1 ELSE 2 END
        FROM made
    )
    INSERT INTO inventory (product_id, quantity, updated_at) SELECT id, quantity, updated_at FROM made
"""

ADD_USERS = """
    WITH names AS (
        SELECT CAST(:firsts AS text[]) AS firsts, CAST(:lasts AS text[]) AS lasts,
               CAST(:first_boxes AS text[]) AS first_boxes, CAST(:last_boxes AS text[]) AS last_boxes
    ), drawn AS (
        SELECT nextval((SELECT pg_get_serial_sequence('users', 'id'))) AS id,
               1 + floor(random() * cardinality(firsts))::integer AS f,
               1 + floor(power(random(), 1.5) * cardinality(lasts))::integer AS l,
               date_trunc('second', now() - CAST(:span AS interval)
                   * (1 - (n + random()) / CAST(:total AS float))) AS created_at
        FROM generate_series(CAST(:first AS integer), CAST(:last AS integer) - 1) AS n, names
    )
    INSERT INTO users (id, email, name, created_at, updated_at)
    SELECT id, first_boxes[f] || '.' || last_boxes[l] || '.' || id || '@example.com', firsts[f] || ' ' || lasts[l],
           created_at, created_at
    FROM drawn, names
"""

# What orders draw from, numbered by age without gaps, so that drawing a row is an index probe.
POOLS = [
    """
    CREATE TEMP TABLE seed_products AS
    SELECT row_number() OVER (ORDER BY created_at, id) - 1 AS n, id, price, created_at FROM products
    """,
    """
    CREATE TEMP TABLE seed_users AS
    SELECT row_number() OVER (ORDER BY created_at, id) - 1 AS n, id, created_at FROM users
    """,
    "CREATE UNIQUE INDEX ON seed_products (n) INCLUDE (id, price)",
    "CREATE UNIQUE INDEX ON seed_users (n) INCLUDE (id)",
    "ANALYZE seed_products, seed_users",
]

# How many products and users there were when a slice of the year began; all of them where there were none yet.
POOL_SIZES = """
    SELECT coalesce(nullif(p.then, 0), p.now), coalesce(nullif(u.then, 0), u.now)
    FROM (SELECT count(*) AS now, count(*) FILTER (WHERE created_at < now() - CAST(:ago AS interval)) AS then
          FROM seed_products) AS p,
         (SELECT count(*) AS now, count(*) FILTER (WHERE created_at < now() - CAST(:ago AS interval)) AS then
          FROM seed_users) AS u
"""

# A product's number is rounded down to a multiple of a random step, so those with many divisors sell best: a few
# sell a lot, most now and then, and how old they are does not matter. Drawn twice for an order, it is one item.
ADD_ORDERS = """
    WITH drawn AS (
        SELECT nextval((SELECT pg_get_serial_sequence('orders', 'id'))) AS id, d.*
        FROM (
            SELECT now() - CAST(:ago AS interval) * (1 - random() * CAST(:share AS float)) AS created_at,
                   floor(random() * CAST(:users AS float))::bigint AS buyer,
                   1 + floor(5 * power(random(), 1.5)) AS items,
                   random() AS luck
            FROM generate_series(1, CAST(:orders AS integer))
            ORDER BY created_at
        ) AS d
    ), picked AS (
        SELECT id, CASE WHEN place < step THEN place ELSE place - place % step END AS n, min(quantity) AS quantity
        FROM (
            SELECT id, floor(random() * CAST(:products AS float))::bigint AS place,
                   floor(power(greatest(CAST(:products AS float) / 20, 1), random()))::bigint AS step,
                   1 + floor(4 * power(random(), 4))::integer AS quantity
            FROM drawn, generate_series(1, 5) AS item WHERE item <= items
        ) AS picks
        GROUP BY 1, 2
    ), lines AS MATERIALIZED (
        SELECT picked.id AS order_id, p.id AS product_id, quantity, price
        FROM picked JOIN seed_products AS p USING (n)
    ), totals AS (
        SELECT order_id, sum(quantity * price) AS total FROM lines GROUP BY 1
    ), moves (status, version, took) AS (
        VALUES ('pending', 1, interval '0'), ('paid', 2, interval '20 minutes'), ('shipped', 3, interval '1 day'),
               ('delivered', 4, interval '4 days'), ('cancelled', 2, interval '3 hours')
    ), told AS (
        SELECT id, buyer, created_at, luck,
               CASE WHEN luck < 0.06 AND age > interval '6 hours' THEN 'cancelled'
                    WHEN age > interval '10 days' THEN CASE WHEN luck < 0.98 THEN 'delivered' ELSE 'shipped' END
                    WHEN age > interval '3 days' THEN CASE WHEN luck < 0.85 THEN 'shipped' ELSE 'paid' END
                    WHEN age > interval '1 hour' AND luck < 0.6 THEN 'paid'
                    ELSE 'pending' END AS status
        FROM drawn, LATERAL (SELECT now() - created_at AS age) AS aged
    ), placed AS (
        INSERT INTO orders (id, user_id, status, total, created_at, updated_at, version)
        SELECT told.id, u.id, status, total, told.created_at, told.created_at + took * (0.5 + luck), version
        FROM told
        JOIN totals ON order_id = told.id
        JOIN moves USING (status)
        JOIN seed_users AS u ON u.n = buyer
        ORDER BY told.id
    )
    INSERT INTO order_items (order_id, product_id, quantity, unit_price)
    SELECT order_id, product_id, quantity, price FROM lines ORDER BY order_id
"""

# Fresh statistics for the planner, visibility maps for index-only scans, and no pending list left in the word index.
TIDY = "VACUUM (ANALYZE) categories, products, inventory, users, orders, order_items"
