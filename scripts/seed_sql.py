"""The SQL statements of seed.py.

The demo shop's rows are sent as JSON; all other rows are generated on the server. Every statement
inserts complete objects: products with their inventory, orders with their items.
"""

# If two runs start at the same time, the second one waits and then finds the rows of the first.
LOCK_SQL = "SELECT pg_advisory_xact_lock(hashtext('sluice.seed'))"
CURRENT_STATE_SQL = """
    SELECT now(), EXISTS (
        SELECT FROM categories UNION ALL SELECT FROM products UNION ALL SELECT FROM users
    )
"""

# The GIN index of words collects new entries in a pending list and merges the list when it is full.
# A limit of 64 MB halves the time per product; until VACUUM merges the rest, a search also reads
# the list. Dropping the indexes and foreign keys would be faster, but would lock the tables of a
# shop that is in use.
SESSION_SETTINGS_SQL = (
    "SET work_mem = '64MB'; SET maintenance_work_mem = '256MB'; "
    "SET gin_pending_list_limit = '64MB'; SET jit = off"
)

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

# Products and their inventory in one statement, so that the trigger for new products has no work.
ADD_DEMO_PRODUCTS = """
    WITH r AS (
        SELECT nextval((SELECT pg_get_serial_sequence('products', 'id'))) AS id, r.*
        FROM json_to_recordset(CAST(:rows AS json))
            AS r(
                name text, description text, price numeric, category text, inventory integer,
                created_at timestamptz
            )
    ), p AS (
        INSERT INTO products (id, name, description, price, category_id, created_at, updated_at)
        SELECT r.id, r.name, r.description, r.price, c.id, r.created_at, r.created_at
        FROM r JOIN categories c ON c.slug = r.category
    )
    INSERT INTO inventory (product_id, quantity, updated_at) SELECT id, inventory, created_at FROM r
"""

# A name ends in the id, like a model number, so it is unique. Kinds and makers at the start of
# their lists are chosen more often: some words occur in every fourth product, some in one.
# created_at increases with the id, over three years, and is truncated to minutes. Together with
# the rounded prices this makes rows with equal sort keys.
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
               1 + floor(power(random(), 1.5) * cardinality(CAST(:kinds AS text[])))::bigint
                   AS kind,
               makers[1 + floor(power(random(), 2) * cardinality(makers))::integer]
                   || CASE WHEN random() < 0.3
                      THEN ' ' || qualities[1 + floor(random() * cardinality(qualities))::integer]
                      ELSE '' END AS maker,
               CASE WHEN random() < 0.95
                   THEN openings[
                            1 + floor(power(random(), 1.5) * cardinality(openings))::integer
                        ] || ' ' || closings[
                            1 + floor(power(random(), 1.5) * cardinality(closings))::integer
                        ]
               END AS description,
               exp((random() + random() - 1) * 0.8) AS size,
               (CAST('{0.99,0.99,0.95,0.50,0.00}' AS numeric[]))[
                   1 + floor(random() * 5)::integer
               ] AS cents,
               CASE WHEN random() < 0.03 THEN 0
                    ELSE 1 + floor(power(random(), 3) * 400)::integer END AS quantity,
               date_trunc('minute', now() - CAST(:span AS interval)
                   * power(1 - (n + random()) / CAST(:total AS float), 1.3)) AS created_at,
               CASE WHEN random() < 0.25 THEN random() END AS edited
        FROM generate_series(CAST(:first AS integer), CAST(:last AS integer) - 1) AS n, words
    ), generated AS (
        SELECT d.*, d.maker || ' ' || k.kind || ' ' || upper(to_hex(4096 + d.id)) AS name,
               floor(k.price * d.size)::numeric + d.cents AS price, k.category_id,
               coalesce(created_at + (now() - created_at) * edited, created_at) AS updated_at
        FROM drawn d JOIN kinds k ON k.n = d.kind
    ), p AS (
        INSERT INTO products
            (id, name, description, price, category_id, created_at, updated_at, version)
        SELECT id, name, description, price, category_id, created_at, updated_at,
               CASE WHEN edited IS NULL THEN 1 ELSE 2 END
        FROM generated
    )
    INSERT INTO inventory (product_id, quantity, updated_at)
    SELECT id, quantity, updated_at FROM generated
"""

ADD_USERS = """
    WITH names AS (
        SELECT CAST(:firsts AS text[]) AS firsts, CAST(:lasts AS text[]) AS lasts,
               CAST(:first_boxes AS text[]) AS first_boxes,
               CAST(:last_boxes AS text[]) AS last_boxes
    ), drawn AS (
        SELECT nextval((SELECT pg_get_serial_sequence('users', 'id'))) AS id,
               1 + floor(random() * cardinality(firsts))::integer AS f,
               1 + floor(power(random(), 1.5) * cardinality(lasts))::integer AS l,
               date_trunc('second', now() - CAST(:span AS interval)
                   * (1 - (n + random()) / CAST(:total AS float))) AS created_at
        FROM generate_series(CAST(:first AS integer), CAST(:last AS integer) - 1) AS n, names
    )
    INSERT INTO users (id, email, name, created_at, updated_at)
    SELECT id, first_boxes[f] || '.' || last_boxes[l] || '.' || id || '@example.com',
           firsts[f] || ' ' || lasts[l], created_at, created_at
    FROM drawn, names
"""

# The rows that orders choose from, numbered by age without gaps, so that choosing one is an index
# lookup.
CREATE_POOLS_SQL = [
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

# The number of products and users at the start of a time slice; if it is 0, all of them.
POOL_SIZES = """
    SELECT coalesce(nullif(p.then, 0), p.now), coalesce(nullif(u.then, 0), u.now)
    FROM (SELECT count(*) AS now,
                 count(*) FILTER (WHERE created_at < now() - CAST(:ago AS interval)) AS then
          FROM seed_products) AS p,
         (SELECT count(*) AS now,
                 count(*) FILTER (WHERE created_at < now() - CAST(:ago AS interval)) AS then
          FROM seed_users) AS u
"""

# The number of a product is rounded down to a multiple of a random step. So numbers with many
# divisors are chosen most: a few products sell often, most rarely, independently of their age. A
# product that is chosen twice for an order is one item.
ADD_ORDERS = """
    WITH drawn AS (
        SELECT nextval((SELECT pg_get_serial_sequence('orders', 'id'))) AS id, d.*
        FROM (
            SELECT now() - CAST(:ago AS interval) * (1 - random() * CAST(:share AS float))
                       AS created_at,
                   floor(random() * CAST(:users AS float))::bigint AS buyer,
                   1 + floor(5 * power(random(), 1.5)) AS items,
                   random() AS luck
            FROM generate_series(1, CAST(:orders AS integer))
            ORDER BY created_at
        ) AS d
    ), picked AS (
        SELECT id, CASE WHEN place < step THEN place ELSE place - place % step END AS n,
               min(quantity) AS quantity
        FROM (
            SELECT id, floor(random() * CAST(:products AS float))::bigint AS place,
                   floor(power(greatest(CAST(:products AS float) / 20, 1), random()))::bigint
                       AS step,
                   1 + floor(4 * power(random(), 4))::integer AS quantity
            FROM drawn, generate_series(1, 5) AS item WHERE item <= items
        ) AS picks
        GROUP BY 1, 2
    ), lines AS MATERIALIZED (
        SELECT picked.id AS order_id, p.id AS product_id, quantity, price
        FROM picked JOIN seed_products AS p USING (n)
    ), totals AS (
        SELECT order_id, sum(quantity * price) AS total FROM lines GROUP BY 1
    ), transitions (status, version, took) AS (
        VALUES ('pending', 1, interval '0'), ('paid', 2, interval '20 minutes'),
               ('shipped', 3, interval '1 day'), ('delivered', 4, interval '4 days'),
               ('cancelled', 2, interval '3 hours')
    ), with_status AS (
        SELECT id, buyer, created_at, luck,
               CASE WHEN luck < 0.06 AND age > interval '6 hours' THEN 'cancelled'
                    WHEN age > interval '10 days'
                        THEN CASE WHEN luck < 0.98 THEN 'delivered' ELSE 'shipped' END
                    WHEN age > interval '3 days'
                        THEN CASE WHEN luck < 0.85 THEN 'shipped' ELSE 'paid' END
                    WHEN age > interval '1 hour' AND luck < 0.6 THEN 'paid'
                    ELSE 'pending' END AS status
        FROM drawn, LATERAL (SELECT now() - created_at AS age) AS aged
    ), placed AS (
        INSERT INTO orders (id, user_id, status, total, created_at, updated_at, version)
        SELECT o.id, u.id, status, total, o.created_at, o.created_at + took * (0.5 + luck), version
        FROM with_status AS o
        JOIN totals ON order_id = o.id
        JOIN transitions USING (status)
        JOIN seed_users AS u ON u.n = buyer
        ORDER BY o.id
    )
    INSERT INTO order_items (order_id, product_id, quantity, unit_price)
    SELECT order_id, product_id, quantity, price FROM lines ORDER BY order_id
"""

# Update the planner's statistics and the visibility maps, and merge the pending list of the index.
VACUUM_SQL = "VACUUM (ANALYZE) categories, products, inventory, users, orders, order_items"
