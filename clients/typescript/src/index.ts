/** A client of an API that Sluice serves: generated types, and this layer. */
import { type Client as ApiClient, type ClientOptions, createApiClient } from "./client.js";
import { KEYED_POSTS } from "./keyed-posts.js";
import type { components, paths } from "./schema.js";

export type { ClientOptions, Result } from "./client.js";
export * from "./errors.js";
export { EtagCache } from "./etags.js";
export { iterate } from "./pages.js";
export type { RetryPolicy } from "./retries.js";
export { SYSTEM_TIMING, type Timing } from "./timing.js";
export { update } from "./updates.js";
export type { components, paths };

/** The shapes of the API: `Schemas["Product"]`. */
export type Schemas = components["schemas"];
export type Client = ApiClient<paths>;

/** Return a client: `createClient({ baseUrl: "https://api.example.com", apiKey: "…" })`. */
export function createClient(options: ClientOptions): Client {
  return createApiClient<paths>(options, KEYED_POSTS);
}
