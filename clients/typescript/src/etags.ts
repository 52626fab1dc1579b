/**
 * A cache of responses with an ETag: the client asks whether its copy is still current.
 *
 * With it a client sends `If-None-Match`. If the server answers 304, the client returns its copy. One cache
 * belongs to one caller: do not share it.
 */
export class EtagCache {
  readonly #responses = new Map<string, Response>();

  constructor(readonly maxEntries = 256) {}

  find(url: string, tenant: string): Response | undefined {
    const key = `${tenant} ${url}`;
    const found = this.#responses.get(key);
    if (found) {
      this.#responses.delete(key); // the map's order is that of the last use
      this.#responses.set(key, found);
    }
    return found;
  }

  /** Keep a response that has an ETag, and is no old one that the server marked as stale. */
  keep(url: string, tenant: string, response: Response): void {
    if (!response.headers.has("ETag") || response.headers.has("Warning")) return;
    const key = `${tenant} ${url}`;
    this.#responses.delete(key);
    this.#responses.set(key, response.clone());
    for (const oldest of this.#responses.keys()) {
      if (this.#responses.size <= this.maxEntries) break;
      this.#responses.delete(oldest);
    }
  }
}
