/** Read a row, change it, and write it back unless another writer was faster. */
import type { Result } from "./client.js";
import { PreconditionFailedError } from "./errors.js";

/**
 * Call `write(row, etag)` with what `read()` returned, and read again if the row has changed.
 *
 * `write` sends the ETag as `If-Match`. Throw PreconditionFailedError if the row has changed each time, and
 * at once if an earlier attempt of the write may have been applied: to compute the change from the new row
 * could then apply it twice.
 */
export async function update<Row, Written>(
  read: () => Promise<Result<Row>>,
  write: (row: Row, etag: string) => Promise<Written>,
  maxAttempts = 3,
): Promise<Written> {
  for (let attempt = 1; ; attempt += 1) {
    const { data, etag } = await read();
    if (etag === null) throw new TypeError("the response has no ETag: read one row, not a list");
    try {
      return await write(data, etag);
    } catch (error) {
      const isStale = error instanceof PreconditionFailedError && !error.maybeApplied;
      if (!isStale || attempt >= maxAttempts) throw error;
    }
  }
}
