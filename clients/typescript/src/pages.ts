/** An iterator over all rows of a list, page by page. */
import type { PathsWithMethod } from "openapi-typescript-helpers";
import type { Client, DataOf } from "./client.js";

interface Page {
  data: unknown[];
  pagination: { next_cursor: string | null };
}

type DataAt<Paths extends {}, Path extends keyof Paths> = DataOf<Paths[Path]["get" & keyof Paths[Path]]>;

/** The paths of lists. */
export type ListPath<Paths extends {}> = {
  [Path in PathsWithMethod<Paths, "get">]: DataAt<Paths, Path> extends Page ? Path : never;
}[PathsWithMethod<Paths, "get">];

/** A row of a list. */
export type RowOf<Paths extends {}, Path extends keyof Paths> =
  DataAt<Paths, Path> extends { data: (infer Row)[] } ? Row : never;

/** The `params` of a GET without those that the iterator sets. */
type ParamsOf<Operation> = Operation extends { parameters: infer Parameters }
  ? {
      [Place in keyof Parameters]: Place extends "query"
        ? Omit<NonNullable<Parameters[Place]>, "cursor">
        : Parameters[Place];
    }
  : never;

/** Yield all rows of a list. A page is fetched when the iteration reaches it. */
export async function* iterate<Paths extends {}, Path extends ListPath<Paths>>(
  client: Client<Paths>,
  path: Path,
  params?: Partial<ParamsOf<Paths[Path]["get" & keyof Paths[Path]]>>,
): AsyncGenerator<RowOf<Paths, Path>, void, undefined> {
  const get = client.GET as unknown as (path: Path, init: object) => Promise<{ data: Page }>;
  const { query: given, ...others } = (params ?? {}) as { query?: Record<string, unknown> };
  let query: Record<string, unknown> = { ...given };
  for (;;) {
    const { data } = await get(path, { params: { ...others, query } });
    yield* data.data as RowOf<Paths, Path>[];
    const cursor = data.pagination.next_cursor;
    if (cursor === null) return;
    const { offset: _, ...rest } = query; // the cursor continues after it; the API refuses both
    query = { ...rest, cursor };
  }
}
