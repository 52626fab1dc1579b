// Values for a new row, with which the form begins. They are those with which /docs fills its examples.
import { fill, loader, prepare, renew } from '/docs/start.js';
import { access, openapi } from './api.js';

// Return the values, by field: new ones for what identifies a row, and those of rows that exist.
export async function newRow({ path, rowPath }) {
  const document = structuredClone(await openapi());
  const lists = (document.paths[path].post['x-references'] ?? []).map((each) => each.path);
  const used = [path, rowPath, ...lists].filter((each) => document.paths[each]);
  document.paths = Object.fromEntries(used.map((each) => [each, document.paths[each]]));
  renew();
  await fill(prepare(document), loader(access), access);
  return document.paths[path].post.requestBody.content['application/json']?.example ?? {};
}
