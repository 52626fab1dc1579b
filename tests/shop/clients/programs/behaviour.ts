// Calls each part of the client: node behaviour.js URL USER_ID PRODUCT_ID; prints what came back as JSON.
import {
  createClient,
  EtagCache,
  iterate,
  PreconditionFailedError,
  type Schemas,
  UnprocessableError,
} from "shop-client";

declare const process: { argv: string[] };
const [, , baseUrl = "", user = "", product = ""] = process.argv;
const client = createClient({ baseUrl, apiKey: "local-admin", etagCache: new EtagCache() });
const path = { id: Number(product) };

const rows: Schemas["Product"][] = [];
for await (const row of iterate(client, "/api/products", { query: { limit: 7, sort: ["price:desc"] } })) {
  rows.push(row);
}
const later: number[] = [];
for await (const row of iterate(client, "/api/products", { query: { offset: 3, limit: 5 } })) later.push(row.id);
const { data: page } = await client.GET("/api/products", { params: { query: { limit: 1, include_total: true } } });

const header = { "Idempotency-Key": "typescript-replay" };
const body = { user_id: Number(user), items: [{ product_id: Number(product), quantity: 1 }] };
const first = await client.POST("/api/orders", { body, params: { header } });
const second = await client.POST("/api/orders", { body, params: { header } });

const { etag } = await client.GET("/api/products/{id}", { params: { path } });
const stale = { path, header: { "If-Match": etag ?? "" } };
await client.PATCH("/api/products/{id}", { params: stale, body: { price: "3.00", description: null } });
const conflict = await client
  .PATCH("/api/products/{id}", { params: stale, body: { price: "4.00" } })
  .catch((error: unknown) => error);
const invalid = await client
  .POST("/api/products", { body: { name: "", price: "-1", category: "stationery" } })
  .catch((error: unknown) => error);
const cached = [1, 2].map(() => client.GET("/api/products/{id}", { params: { path } }));
const prices = (await Promise.all(cached)).map(({ data }) => data.price);

const { data: job } = await client.POST("/api/imports", {
  body: { resource: "categories", format: "csv", filename: "new.csv" },
});
await client.upload(job.upload_url, "name\nFrom TypeScript\n");
const names = await client.request("GET", "/api/products", { query: { fields: ["id", "name"], limit: 2 } });

console.log(
  JSON.stringify({
    ids: rows.map(({ id }) => id),
    total: page.pagination.total,
    later,
    orders: [first.data.id, second.data.id],
    replayed: [first, second].map(({ response }) => response.headers.get("Idempotency-Replayed")),
    conflict: conflict instanceof PreconditionFailedError && [conflict.code, conflict.maybeApplied],
    invalid: invalid instanceof UnprocessableError && invalid.problem.errors.map(({ pointer }) => pointer),
    prices,
    fields: Object.keys(((await names.json()) as { data: object[] }).data[0] ?? {}),
  }),
);
