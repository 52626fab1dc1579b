// Read the tables of the application from openapi.json: their columns, filters, sorts and bodies.
import { openapi } from './api.js';

const PAGING = new Set(['limit', 'cursor', 'offset', 'sort', 'fields', 'include_total']);

// Return the table of each list that openapi.json declares, by its path.
export async function tables() {
  const document = await openapi();
  const lists = Object.keys(document.paths).filter((path) => path.startsWith('/api/') && !path.includes('{')
    && document.paths[path].get && listOf(document, path) && path !== '/api/imports');
  return lists.map((path) => tableOf(document, path));
}

function resolve(document, schema) {
  if (!schema?.$ref) return schema;
  return schema.$ref.slice(2).split('/').reduce((found, name) => found[name], document);
}

function listOf(document, path) {
  const schema = resolve(document, document.paths[path].get.responses['200']?.content?.['application/json']?.schema);
  return schema?.properties?.pagination && resolve(document, schema.properties.data?.items);
}

function tableOf(document, path) {
  const { paths } = document, list = paths[path];
  const rowPath = Object.keys(paths).find((each) => each.startsWith(`${path}/{`)
    && each.slice(path.length + 1).split('/').every((part) => part.startsWith('{')));
  const row = rowPath ? paths[rowPath] : {};
  const parameters = list.get.parameters.map((each) => resolve(document, each)).filter((each) => each.in === 'query');
  const sort = parameters.find((each) => each.name === 'sort')?.schema.items.enum ?? [];
  const columns = columnsOf(document, listOf(document, path));
  const patch = bodyOf(document, row.patch), put = bodyOf(document, row.put);
  const isMerge = Object.keys(patch).some((name) => columns[name]);
  return {
    path, rowPath, columns, name: path.slice('/api/'.length), description: describe(document, path, list.get),
    filters: parameters.filter((each) => !PAGING.has(each.name)),
    sorts: new Set(sort.filter((each) => !each.includes(':'))),
    hasTotal: parameters.some((each) => each.name === 'include_total'),
    create: list.post ? bodyOf(document, list.post) : null,
    required: new Set(resolve(document, schemaOf(list.post))?.required ?? []),
    edit: row.patch && isMerge ? { method: 'PATCH', fields: patch } : row.put ? { method: 'PUT', fields: put } : null,
    deletes: Boolean(row.delete), key: new Set(parametersOf(rowPath)),
  };
}

// Return what is said about the table: the description of its tag, which repeats the path in front.
function describe({ tags = [] }, path, { tags: [tag] = [] }) {
  const [text] = (tags.find((each) => each.name === tag)?.description ?? '').split('\n\n');
  if (!text.startsWith(`${path}: `)) return text;
  return text[path.length + 2].toUpperCase() + text.slice(path.length + 3);
}

function columnsOf(document, item) {
  const parts = [item, ...(item.allOf ?? []).map((each) => resolve(document, each))];
  return Object.assign({}, ...parts.map((each) => each.properties ?? {}));
}

const schemaOf = (operation) => operation?.requestBody?.content?.['application/json']?.schema;

// Return the fields of a body that a client may set, by their name.
function bodyOf(document, operation) {
  const properties = resolve(document, schemaOf(operation))?.properties ?? {};
  return Object.fromEntries(Object.entries(properties).filter(([, schema]) => !schema.readOnly));
}

const parametersOf = (path = '') => [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);

// Return the path of a row, from its values; null if a value is missing.
export function pathOf(table, row) {
  if (!table.rowPath) return null;
  const names = parametersOf(table.rowPath);
  if (names.some((name) => row[name] === undefined || row[name] === null)) return null;
  return table.rowPath.replace(/\{(\w+)\}/g, (_, name) => segment(row[name]));
}

// Return a value as a segment of a path: in base64url after ~ if a URL would change it.
export function segment(value) {
  const text = String(value);
  if (!/[/\\%]|^~|^\.{0,2}$/.test(text)) return encodeURIComponent(text);
  const base64 = btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  return `~${base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')}`;
}

// Return the values that a schema lists; null if others are allowed.
export function choicesOf(schema) {
  const types = [...typesOf(schema)].filter((type) => type !== 'null');
  return schema.enum ?? (types.join() === 'boolean' ? ['true', 'false'] : null);
}

export function typesOf(schema) {
  const alternatives = schema.anyOf ?? schema.oneOf ?? [schema];
  return new Set(alternatives.flatMap((each) => each.type ?? (each.enum ? ['string'] : [])));
}
