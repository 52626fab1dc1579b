"""/api/analytics: SQL queries over the library."""

from sluice import runtime
from sluice.adhoc_sql import route
from sluice.http.router import Api

handler = api = Api(runtime=runtime.current, scope="analytics")
route.add(api, "select shelf_id, count(*) as books from books group by shelf_id order by shelf_id")
