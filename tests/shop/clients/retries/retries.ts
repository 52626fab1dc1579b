// Tests of what the client sends again, and when, without a network: TABLE=cases.json node --test retries.js.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  ClientError,
  type ClientOptions,
  createClient,
  EtagCache,
  iterate,
  NoResponseError,
  PreconditionFailedError,
  UnavailableError,
  update,
} from "shop-client";

declare const process: { env: Record<string, string> };

type Reply = string | number | [number, string, string?];
interface RetryCase {
  method: string;
  replies: Reply[];
  key?: boolean;
  headers?: Record<string, string>;
  attempts?: number;
  deadline?: number;
  random?: number;
  waits?: number[];
  error?: string;
  maybe?: boolean;
  keys?: number;
}
type Answer = Response | Error | ((signal: AbortSignal) => Promise<Response>);
const table = JSON.parse(readFileSync(process.env["TABLE"] ?? "", "utf8")) as [string, RetryCase][];
const NOW = 1_000_000_000_000;

/** Return the error with which Node's fetch fails. */
const failed = (code: string): Error => {
  return new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code }) });
};
const LOST = failed("UND_ERR_SOCKET");

function problem(status: number, code: string, retryAfter?: string): Response {
  const body = { status, code, title: code, detail: "…", request_id: "r-1" };
  const headers = new Headers({ "Content-Type": "application/problem+json" });
  if (retryAfter !== undefined) headers.set("Retry-After", retryAfter);
  return new Response(JSON.stringify(body), { status, headers });
}

const ok = (body: unknown = null, headers: Record<string, string> = {}): Response => Response.json(body, { headers });

function answerOf(reply: Reply): Answer {
  if (reply === "refused") return failed("ECONNREFUSED");
  if (reply === "timeout") return new DOMException("slow", "TimeoutError");
  if (typeof reply === "string") return LOST;
  if (typeof reply === "number") return new Response(reply === 304 ? null : "<html>", { status: reply });
  return problem(...reply);
}

/** Answers in order, and keeps the requests. Only waiting moves its clock. */
class FakeServer {
  readonly requests: Request[] = [];
  readonly waits: number[] = [];
  readonly timeouts: number[] = [];
  time = 0;
  sleep = async (milliseconds: number): Promise<void> => {
    this.waits.push(milliseconds);
    this.time += milliseconds;
  };

  constructor(
    readonly answers: Answer[],
    readonly random = 0.5,
  ) {}

  options(more: Partial<ClientOptions> = {}): ClientOptions {
    const timing = {
      monotonic: () => this.time,
      now: () => NOW,
      random: () => this.random,
      sleep: (milliseconds: number) => this.sleep(milliseconds),
      timeout: (milliseconds: number) => {
        this.timeouts.push(milliseconds);
        return new AbortController().signal;
      },
    };
    return { baseUrl: "http://api", apiKey: "canary-key", timing, fetch: this.fetch, ...more };
  }

  client(more: Partial<ClientOptions> = {}): ReturnType<typeof createClient> {
    return createClient(this.options(more));
  }

  sent(header: string): (string | null)[] {
    return this.requests.map(({ headers }) => headers.get(header));
  }

  private readonly fetch = async (request: Request, init: RequestInit): Promise<Response> => {
    this.requests.push(request);
    const answer = this.answers.shift();
    assert(answer !== undefined, "the client sent more requests than there are replies");
    if (answer instanceof Error) throw answer;
    return answer instanceof Response ? answer : answer(init.signal as AbortSignal);
  };
}

/** An answer that does not come: the fetch ends when its signal is aborted. */
const silence = (signal: AbortSignal): Promise<Response> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });

for (const [name, each] of table) {
  test(name, async () => {
    const server = new FakeServer(each.replies.map(answerOf), each.random);
    const retries = { maxAttempts: each.attempts ?? 5, deadline: (each.deadline ?? 30) * 1000 };
    const init = { headers: each.headers ?? {}, takesKey: each.key ?? false };

    const error: unknown = await server
      .client({ retries })
      .request(each.method, "/api/rows/1", init)
      .then(
        () => null,
        (reason: unknown) => reason,
      );

    assert(error === null || error instanceof ClientError, String(error));
    assert.deepEqual([error?.name ?? "", error?.maybeApplied ?? false], [each.error ?? "", each.maybe ?? false]);
    assert.equal(server.requests.length, each.replies.length);
    const waits = server.waits.map((wait) => Math.round(wait));
    if (each.waits) assert.deepEqual(waits, each.waits.map((wait) => Math.round(wait * 1000)));
    const keys = new Set(server.sent("Idempotency-Key").filter((key) => key !== null));
    if (each.keys !== undefined) assert.equal(keys.size, each.keys);
    const own = each.headers?.["Idempotency-Key"];
    if (own !== undefined) assert.deepEqual([...keys], [own]);
  });
}

const order = { body: { user_id: 1, items: [{ product_id: 1, quantity: 1 }] } };
const row = { params: { path: { id: 1 } } };

test("each call has a key of its own", async () => {
  const server = new FakeServer([LOST, ok(), ok()]);
  const client = server.client();

  for (const _ of [1, 2]) await client.POST("/api/orders", order);

  const [first, repeated, second] = server.sent("Idempotency-Key");
  assert(first && second);
  assert.equal(first, repeated);
  assert(first !== second);
});

test("the body is sent again", async () => {
  const server = new FakeServer([LOST, problem(503, "database_unavailable"), ok()]);

  await server.client().POST("/api/orders", order);

  const bodies = await Promise.all(server.requests.map((request) => request.json()));
  assert.deepEqual(bodies, [order.body, order.body, order.body]);
});

test("a response that breaks in the middle is lost", async () => {
  const broken = new ReadableStream({ pull: (controller) => controller.error(LOST) });
  const server = new FakeServer([new Response(broken), ok({ id: 1 })]);

  const { data } = await server.client().GET("/api/products/{id}", row);

  assert.deepEqual(data, { id: 1 });
});

test("an attempt ends in time, and the last one with the deadline", async () => {
  const server = new FakeServer([LOST, LOST, ok()], 1);
  const retries = { attemptTimeout: 400, deadline: 500, baseDelay: 150 };

  await server.client({ retries }).request("GET", "/api/products");

  assert.deepEqual(server.timeouts, [400, 350, 50]);
});

test("an attempt without an answer in time is repeated", async () => {
  const server = new FakeServer([silence, ok()]);
  const options = server.options();
  const expired = AbortSignal.abort(new DOMException("slow", "TimeoutError"));
  const signals = [expired, new AbortController().signal];
  const timing = { ...(options.timing as NonNullable<ClientOptions["timing"]>), timeout: () => signals.shift() ?? expired };

  await createClient({ ...options, timing }).request("GET", "/api/products");

  assert.equal(server.requests.length, 2);
});

test("a call that the caller aborts is not repeated", async () => {
  for (const method of ["GET", "PATCH"]) {
    const caller = new AbortController();
    const server = new FakeServer([silence]);
    const call = server.client().request(method, "/api/products/1", { signal: caller.signal });

    caller.abort(new Error("left"));

    await assert.rejects(call, (error) => error === caller.signal.reason);
    assert(server.requests.length <= 1);
    assert.deepEqual(server.waits, []);
  }
});

test("the caller's abort ends a wait at once", async () => {
  const caller = new AbortController();
  const server = new FakeServer([LOST]);
  server.sleep = () => {
    caller.abort(new Error("left"));
    return new Promise(() => undefined); // it never ends
  };

  const call = server.client().request("GET", "/api/products", { signal: caller.signal });

  await assert.rejects(call, (error) => error === caller.signal.reason);
  assert.equal(server.requests.length, 1);
});

test("an error has the cause and the members of the problem", async () => {
  const server = new FakeServer([LOST, problem(503, "not_set_up")]);
  const client = server.client();

  await assert.rejects(client.PATCH("/api/products/{id}", { ...row, body: {} }), (error) => {
    return error instanceof NoResponseError && error.cause === LOST;
  });
  await assert.rejects(client.PATCH("/api/products/{id}", { ...row, body: {} }), (error) => {
    return error instanceof UnavailableError && error.code === "not_set_up" && error.requestId === "r-1";
  });
});

/** Read the row and write it with its ETag, as programs do. */
const change = (server: FakeServer): Promise<unknown> => {
  const client = server.client();
  return update(
    () => client.GET("/api/products/{id}", row),
    (_, etag) =>
      client.PATCH("/api/products/{id}", { params: { ...row.params, header: { "If-Match": etag } }, body: {} }),
  );
};

test("an update reads again after a conflict", async () => {
  const server = new FakeServer([ok({}, { ETag: '"1"' }), problem(412, "stale_version"), ok({}, { ETag: '"2"' }), ok()]);

  await change(server);

  assert.deepEqual(server.sent("If-Match"), [null, '"1"', null, '"2"']);
});

test("an own change is not taken for a conflict", async () => {
  const server = new FakeServer([ok({}, { ETag: '"1"' }), LOST, problem(412, "stale_version")]);

  await assert.rejects(change(server), (error) => error instanceof PreconditionFailedError && error.maybeApplied);
  assert.deepEqual(
    server.requests.map(({ method }) => method),
    ["GET", "PATCH", "PATCH"],
  );
});

test("reads send the latest position of writes", async () => {
  const positions = ["0/F", "1/2", "0/FF"];
  const server = new FakeServer([...positions.map((lsn) => ok(null, { "X-Sluice-Min-LSN": lsn })), ok()]);
  const client = server.client();

  for (const _ of [1, 2, 3, 4]) await client.request("GET", "/api/products");

  assert.deepEqual(server.sent("X-Sluice-Min-LSN"), [null, "0/F", "1/2", "1/2"]);
});

test("a kept row is returned after 304, and not to another tenant", async () => {
  const server = new FakeServer([ok({ id: 1 }, { ETag: '"7"' }), new Response(null, { status: 304 }), ok({ id: 2 })]);
  const client = server.client({ etagCache: new EtagCache(), tenant: "acme" });

  const first = await client.GET("/api/products/{id}", row);
  const second = await client.GET("/api/products/{id}", row);
  const other = await client.withTenant("other").GET("/api/products/{id}", row);

  assert.deepEqual([first.data, second.data, other.data], [{ id: 1 }, { id: 1 }, { id: 2 }]);
  assert.deepEqual(server.sent("If-None-Match"), [null, '"7"', null]);
  assert.deepEqual(server.sent("X-Sluice-Tenant"), ["acme", "acme", "other"]);
});

test("the token is asked for each call", async () => {
  const server = new FakeServer([ok(), ok()]);
  const { apiKey: _, ...options } = server.options();
  const tokens = ["canary-1", "canary-2"];
  const client = createClient({ ...options, token: async () => tokens.shift() ?? "" });

  for (const _ of [1, 2]) await client.request("GET", "/api/products");

  assert.deepEqual(server.sent("Authorization"), ["Bearer canary-1", "Bearer canary-2"]);
});

test("an iteration continues with the cursor, and without the offset", async () => {
  const page = (id: number, cursor: string | null): Response => ok({ data: [{ id }], pagination: { next_cursor: cursor } });
  const server = new FakeServer([page(1, "next"), LOST, page(2, null)]);

  const ids: number[] = [];
  for await (const { id } of iterate(server.client(), "/api/products", { query: { offset: 3 } })) ids.push(id);

  assert.deepEqual(ids, [1, 2]);
  assert.deepEqual(
    server.requests.map(({ url }) => new URL(url).search),
    ["?offset=3", "?cursor=next", "?cursor=next"],
  );
});
