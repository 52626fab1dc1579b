select 1 as one
select count(*) from orders
SELECT status, COUNT(*) AS orders, SUM(total) AS revenue FROM orders GROUP BY status ORDER BY status
select date_trunc('month', created_at) as month, sum(total) as revenue from orders group by 1 order by 1
select date_trunc('week', o.created_at)::date as week, count(distinct o.user_id) from orders o group by 1 order by 1 desc
select to_char(created_at, 'YYYY-MM') as month, round(avg(total), 2) as average from orders group by month order by month
select extract(dow from created_at)::int as weekday, count(*) from orders group by weekday order by weekday
select extract(year from created_at) as year, date_part('hour', created_at) as hour from orders order by id limit 5
select p.name, sum(i.quantity) as sold from order_items i join products p on p.id = i.product_id group by p.name order by sold desc, p.name limit 10
select c.name, count(p.id) as products from categories c left join products p on p.category_id = c.id group by c.id order by c.name
select p.name, v.quantity from products p join inventory v on v.product_id = p.id where v.quantity < 5 order by v.quantity, p.name
select u.name, coalesce(sum(o.total), 0) as spent from users u left join orders o on o.user_id = u.id and o.status <> 'cancelled' group by u.id, u.name order by spent desc, u.name
select distinct status from orders order by status
select distinct on (user_id) user_id, id, total from orders order by user_id, created_at desc, id
select id, total from orders where total between 10 and 50 and status in ('paid', 'shipped') order by total desc nulls last, id offset 3 limit 7
select name from products where name ilike '%1%' or description like 'Made%' order by name
select name from products where name !~ '[13579]$' and name not like 'Product 2%' order by name
select name from products where description is null order by name
select id from orders where not (status = 'cancelled' or total > 20) order by id
select status, count(*) filter (where total > 50) as large, count(*) filter (where total <= 50) as small from orders group by status order by status
select case when total < 20 then 'small' when total < 60 then 'medium' else 'large' end as size, count(*) from orders group by size order by size
select case status when 'paid' then 1 else 0 end as paid, id from orders order by id limit 3
with monthly as (select date_trunc('month', created_at) as month, sum(total) as revenue from orders group by 1) select month, revenue, revenue - lag(revenue) over (order by month) as growth from monthly order by month
with a as (select id, total from orders), b(n) as (select count(*) from a) select a.id, b.n from a cross join b order by a.id limit 4
with top as materialized (select product_id, sum(quantity) as n from order_items group by product_id order by n desc, product_id limit 3) select p.name, top.n from top join products p on p.id = top.product_id order by top.n desc, p.name
select user_id, total, row_number() over (partition by user_id order by total desc, id) as place from orders order by user_id, place
select id, total, sum(total) over (order by id) as running, avg(total) over (order by id rows between 2 preceding and current row) as moving from orders order by id
select id, rank() over w, dense_rank() over w, ntile(4) over w, first_value(id) over w from orders window w as (order by total desc, id) order by id
select percentile_cont(0.5) within group (order by total) as median, percentile_disc(0.9) within group (order by total) as p90, mode() within group (order by status) from orders
select stddev(total), variance(total), corr(total, user_id), min(created_at), max(created_at) from orders
select status, extract(month from created_at) as month, sum(total) from orders group by grouping sets ((status), (extract(month from created_at)), ()) order by status, month
select status, user_id, count(*), grouping(status, user_id) from orders group by rollup (status, user_id) order by status, user_id
select status, user_id % 2 as half, count(*) from orders group by cube (status, half) order by status, half
select id from orders where total > (select avg(total) from orders) order by id
select name from users u where exists (select 1 from orders o where o.user_id = u.id and o.total > 80) order by name
select name from users u where not exists (select 1 from orders o where o.user_id = u.id) order by name
select name from products where id in (select product_id from order_items group by product_id having sum(quantity) > 20) order by name
select id from products where id not in (select product_id from order_items) order by id
select p.name, (select count(*) from order_items i where i.product_id = p.id) as lines from products p order by lines desc, p.name limit 5
select id from orders where total >= all (select total from orders where status = 'paid') order by id
select id from orders where status = any (array['paid', 'shipped']) order by id limit 5
select o.id, l.n from orders o, lateral (select count(*) as n from order_items i where i.order_id = o.id) l order by o.id limit 5
select u.name, last.total from users u left join lateral (select total from orders o where o.user_id = u.id order by o.id desc limit 1) last on true order by u.name
select 'orders' as kind, count(*) from orders union all select 'users', count(*) from users order by kind
select user_id from orders where status = 'paid' intersect select user_id from orders where status = 'shipped' order by user_id
select id from users except select user_id from orders order by id
(select id from users order by id limit 2) union (select id from users order by id desc limit 2) order by 1
select d.day::date, count(o.id) from generate_series(date '2026-03-01', date '2026-03-10', interval '1 day') as d(day) left join orders o on o.created_at >= d.day and o.created_at < d.day + interval '1 day' group by d.day order by d.day
select g::date from generate_series(date_trunc('month', current_date) - interval '11 months', current_date, '1 month') as g
select g from generate_series(date '2026-01-01' + 6, date_trunc('quarter', timestamp '2026-04-30 12:00'), interval '1 week') g order by 1
select n, n * n as square from generate_series(1, 5) as g(n) order by n desc
select g from generate_series(current_date - 3, current_date, '1 day') as g order by 1
select sum(quantity * unit_price) as revenue, sum(quantity)::int as units, avg(quantity)::numeric(10, 3) from order_items
select o.id, o.created_at at time zone 'Europe/Berlin' as there, o.created_at::date from orders o order by o.id limit 3
select count(*) from orders where created_at >= timestamp '2026-02-01' and created_at < now() - interval '1 month'
select date_trunc('day', created_at) + interval '12 hours' as noon from orders order by id limit 3
select upper(left(name, 3)) || '-' || id as code, length(name), replace(name, ' ', '_'), split_part(name, ' ', 2), trim(both 'P' from name) from products order by id limit 4
select substring(name from 1 for 4), substr(name, 2, 3), position('o' in name), strpos(name, 'd'), reverse(name), lower(name) from products order by id limit 2
select concat(name, ' (', id, ')'), concat_ws('/', id, name) from products order by id limit 2
select string_agg(name, ', ' order by name) from categories
select string_agg(distinct status, '|' order by status) as states, array_agg(distinct status order by status) from orders
select user_id, array_agg(id order by id) as orders, bool_or(status = 'paid'), bool_and(total > 0) from orders group by user_id order by user_id
select round(total / 3, 2), ceil(total), floor(total), trunc(total), abs(-total), mod(id, 3), power(2, 10), sqrt(16.0), total::float8 from orders order by id limit 2
select 7 / 2, 7 % 2, 7.0 / 2, 2 ^ 3, -2 ^ 2, 2 ^ 3 ^ 2, -5 + 3 * 2, 1e3, .5, - -1, 2 - -1, 8 / 4 / 2, not 1 = 2 and true
select greatest(1, 2, 3), least(1, 2), nullif(1, 1), coalesce(null, 'x'), null is null, true and not false, 1 <> 2, 1 is distinct from null
select width_bucket(total, 0, 100, 5) as bucket, count(*) from orders group by bucket order by bucket
select * from (values (1, 'a'), (2, 'b')) as t(n, letter) order by n
select * from categories order by id
select o.*, u.name from orders o join users u on u.id = o.user_id order by o.id limit 2
select category_id, count(*) from products inner join inventory on product_id = id group by category_id having count(*) > 1 order by category_id
select quantity from inventory join order_items using (product_id, quantity) order by quantity
select orders.id from public.orders order by orders.id limit 1
select "id" as "Order number", "total" as "Grand Total" from "orders" order by "Grand Total" desc, "Order number" limit 3
select count(*) /* of all */ from orders -- and a comment
select 1 /* within /* another */ ; delete from orders -- */
select 1 -- \u000a ; delete from orders
select 'delete from orders; -- /*' as said
table categories order by id
select id from orders order by id fetch first 2 rows only
select age(timestamp '2026-03-01', timestamp '2026-01-15')::text, make_date(2026, 1, 31), to_date('2026-02-01', 'YYYY-MM-DD')
select count(*) from orders a join orders b on b.user_id = a.user_id and b.id < a.id
select 'it''s', '100%', 'a:b', ':name', '?' from users limit 1
select name from products where name = 'Prodüct – ü 1' or name > 'Product 37' order by name
select sum(total) filter (where status = 'paid') / nullif(sum(total), 0) as share from orders
select user_id, count(*) as n from orders group by user_id order by count(*) desc, 1 limit 3
select o.status as state from orders o group by o.status having sum(o.total) > 100 order by state
select 1 as said; -- a comment
select id from categories order by id /* one */ ; /* two; */ -- three
/* before */ select /* within */ 1 as id -- at the end
select "public"."products"."id", public.products.name from "public"."products" order by public.products.id limit 2
select public.products.* from public.products order by products.id limit 1
select name as "Größe ☕", id as "100 % ""quoted"" it's; a\b -- c" from categories order by "Größe ☕"
select 1 as "a""; delete from orders; --", 2 as "a'b", 3 as "👩‍💻"
with "; drop table orders" as (select 1 as x) select "; drop table orders".x from "; drop table orders"
select "select * from users; --".id from orders as "select * from users; --" order by id limit 1
select interval '1' > interval '2' pg_sleep
select status, user_id % 2 as half, grouping(status) as a, grouping(user_id % 2) as b, count(*) from orders group by rollup (status, user_id % 2) order by grouping(status), status, half
select status, grouping(status), sum(total) from orders group by cube (status) having grouping(status) = 1 or count(*) > 2 order by 1
select json_agg(name order by name) as names, json_agg(id order by id desc) filter (where id > 2) from categories
select json_build_object('status', status, 'orders', count(*), 'largest', max(total), 'none', null) from orders group by status order by status
select user_id, json_agg(json_build_object('id', id, 'total', total, 'at', created_at) order by id) as orders from orders group by user_id order by user_id limit 3
select name from products where name like 'Product 1%%%' escape '!' and substring(name from '[0-9]+') <> '10' order by name
select array(select id from categories order by id) as ids, array_agg(distinct status order by status) from orders
select sum(total) over (order by id groups between 1 preceding and unbounded following) from orders order by id limit 3
select distinct status, count(*) over (partition by status) from orders where (status, 1) in (select status, 1 from orders) order by 1
select u.id, o.id from users u full join orders o on o.user_id = u.id and o.id < 10 order by 1 nulls first, 2 limit 5
select round(ln(2.0)::numeric, 3), exp(1), log(100), log(2.0, 8.0), current_timestamp(0) > now() - interval '1' day
