/** The client: it authenticates, adds headers, and repeats what is safe to repeat. */
import createFetchClient, { type MaybeOptionalInit } from "openapi-fetch";
import type {
  HttpMethod,
  MediaType,
  PathsWithMethod,
  RequiredKeysOf,
  ResponseObjectMap,
  SuccessResponse,
} from "openapi-typescript-helpers";
import { errorOf, problemOf } from "./errors.js";
import { EtagCache } from "./etags.js";
import { DEFAULT_POLICY, type RetryPolicy, send } from "./retries.js";
import { SYSTEM_TIMING, type Timing } from "./timing.js";

const MIN_LSN = "X-Sluice-Min-LSN";
const KEY = "Idempotency-Key";

export interface ClientOptions {
  baseUrl: string;
  /** Pass either an API key or a bearer token, which may be a function that returns the current one. */
  apiKey?: string;
  token?: string | (() => string | Promise<string>);
  /** Sent as `X-Sluice-Tenant`. */
  tenant?: string;
  retries?: Partial<RetryPolicy>;
  timing?: Timing;
  etagCache?: EtagCache;
  headers?: Record<string, string>;
  fetch?: (request: Request, init: RequestInit) => Promise<Response>;
}

/** A successful response: `data` is the body, `etag` the row's ETag, for `If-Match`. */
export interface Result<Data> {
  data: Data;
  response: Response;
  etag: string | null;
}

/** The body of an operation's successful response. */
export type DataOf<Operation> = Operation extends Record<string | number, any>
  ? SuccessResponse<ResponseObjectMap<Operation>, MediaType>
  : never;

type Init<Options> =
  RequiredKeysOf<Options> extends never ? [options?: Options] : [options: Options];

export type Method<Paths extends {}, Verb extends HttpMethod> = <
  Path extends PathsWithMethod<Paths, Verb>,
>(
  path: Path,
  ...init: Init<NonNullable<MaybeOptionalInit<Paths[Path] & {}, Verb & keyof Paths[Path]>>>
) => Promise<Result<DataOf<Paths[Path][Verb & keyof Paths[Path]]>>>;

/** A request to any route; the values of a list in `query` are sent one by one. */
export interface AnyRequest {
  query?: Record<string, unknown>;
  body?: unknown;
  headers?: Record<string, string>;
  /** The route reads `Idempotency-Key`. */
  takesKey?: boolean;
  /** Ends the call when it is aborted, also between two attempts. */
  signal?: AbortSignal;
}

export interface Client<Paths extends {}> {
  GET: Method<Paths, "get">;
  POST: Method<Paths, "post">;
  PUT: Method<Paths, "put">;
  PATCH: Method<Paths, "patch">;
  DELETE: Method<Paths, "delete">;
  request(method: string, path: string, init?: AnyRequest): Promise<Response>;
  /** PUT a file to the `upload_url` of an import, without the API's credentials. */
  upload(uploadUrl: string, content: string | Blob | ArrayBuffer): Promise<void>;
  /** Return a client of another tenant. */
  withTenant(tenant: string): Client<Paths>;
}

interface State {
  minLsn: string | null;
}

/** Return a client. `keyedPosts` are the paths whose POST reads `Idempotency-Key`. */
export function createApiClient<Paths extends {}>(
  options: ClientOptions,
  keyedPosts: ReadonlySet<string>,
  state: State = { minLsn: null },
): Client<Paths> {
  if ((options.apiKey === undefined) === (options.token === undefined)) {
    throw new TypeError("pass either apiKey or token");
  }
  const timing = options.timing ?? SYSTEM_TIMING;
  const policy = { ...DEFAULT_POLICY, ...options.retries };
  const fetchOnce = options.fetch ?? ((request, init) => fetch(request, init));
  const cache = options.etagCache;
  const tenant = options.tenant ?? "";
  const http = createFetchClient<any>({ baseUrl: options.baseUrl });

  async function exchange(request: Request, takesKey: boolean): Promise<Response> {
    await setHeaders(request.headers, options, state);
    if (takesKey && !request.headers.has(KEY)) request.headers.set(KEY, crypto.randomUUID());
    const mayUseCopy = request.method === "GET" && !request.headers.has("If-None-Match");
    const copy = mayUseCopy ? cache?.find(request.url, tenant) : undefined;
    if (copy) request.headers.set("If-None-Match", copy.headers.get("ETag") ?? "");
    const fetchOrCopy = async (attempt: Request, init: RequestInit): Promise<Response> => {
      const response = await fetchOnce(attempt, init);
      return copy && response.status === 304 ? copy.clone() : response;
    };
    const received = (response: Response): void => {
      state.minLsn = later(state.minLsn, response.headers.get(MIN_LSN));
    };
    const response = await send(request, takesKey, fetchOrCopy, policy, timing, received);
    if (request.method === "GET") cache?.keep(request.url, tenant, response);
    return response;
  }

  const method =
    (verb: HttpMethod) =>
    async (path: string, init: object = {}): Promise<Result<unknown>> => {
      const takesKey = verb === "post" && keyedPosts.has(path);
      const sender = (request: Request) => exchange(request, takesKey);
      const { data, response } = await http.request(verb, path as never, { ...init, fetch: sender } as never);
      return { data, response, etag: response.headers.get("ETag") };
    };

  return {
    GET: method("get") as Method<Paths, "get">,
    POST: method("post") as Method<Paths, "post">,
    PUT: method("put") as Method<Paths, "put">,
    PATCH: method("patch") as Method<Paths, "patch">,
    DELETE: method("delete") as Method<Paths, "delete">,
    async request(verb, path, init = {}) {
      const url = new URL(path, options.baseUrl);
      for (const [name, value] of Object.entries(init.query ?? {})) {
        for (const each of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(each));
      }
      const request = new Request(url, {
        method: verb.toUpperCase(),
        headers: { ...(init.body === undefined ? {} : { "Content-Type": "application/json" }), ...init.headers },
        ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
        ...(init.signal === undefined ? {} : { signal: init.signal }),
      });
      return exchange(request, init.takesKey ?? false);
    },
    async upload(uploadUrl, content) {
      const response = await fetch(uploadUrl, { method: "PUT", body: content, signal: timing.timeout(policy.deadline) });
      if (!response.ok) throw errorOf(response, await problemOf(response), true);
    },
    withTenant: (other) => createApiClient<Paths>({ ...options, tenant: other }, keyedPosts, state),
  };
}

async function setHeaders(headers: Headers, options: ClientOptions, state: State): Promise<void> {
  const { apiKey, token, tenant } = options;
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (!headers.has(name)) headers.set(name, value);
  }
  if (!headers.has("Accept")) headers.set("Accept", "application/json");
  if (apiKey !== undefined) headers.set("X-API-Key", apiKey);
  if (token !== undefined) {
    headers.set("Authorization", `Bearer ${typeof token === "string" ? token : await token()}`);
  }
  if (tenant !== undefined) headers.set("X-Sluice-Tenant", tenant);
  if (state.minLsn !== null) headers.set(MIN_LSN, state.minLsn);
}

/** Return the later of two positions in PostgreSQL's log, such as `0/16B3748`. */
function later(known: string | null, received: string | null): string | null {
  if (known === null || received === null) return received ?? known;
  return position(received) > position(known) ? received : known;
}

function position(lsn: string): bigint {
  const [high = "0", low = "0"] = lsn.split("/");
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}
