// Send requests: to the console's own routes, and to the public API with the chosen API key.
import { make, prose } from './elements.js';

export class Failure extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.message ?? `the response has status ${status}`);
    Object.assign(this, { status, problem });
  }
}

// Keep integers exact that are too large for a JavaScript number: they become a BigInt.
const exact = (_, value, context) => (
  typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source) ? BigInt(context.source) : value);
export const toJson = (value, indent) => JSON.stringify(
  value, (_, each) => (typeof each === 'bigint' ? JSON.rawJSON(String(each)) : each), indent);

async function send(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Failure(0, { message: 'The local system is not reachable. Start it with `make run`.' });
  }
  const text = await response.text();
  let body = null;
  try {
    body = text ? JSON.parse(text, exact) : null;
  } catch {
    body = { message: text };
  }
  if (!response.ok) throw new Failure(response.status, body ?? {});
  return { status: response.status, headers: response.headers, body };
}

// One of the console's routes: GET without a body, else POST.
export async function ask(path, body = undefined) {
  const options = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  return (await send(`/console/${path}`, options)).body;
}

export async function upload(url, file) {
  return send(`/console/upload?url=${encodeURIComponent(url)}`, { method: 'PUT', body: file });
}

// The API key, its tenants if they are known, and the tenant of all requests. The browser keeps them
// for the other pages of the local system: /, /docs and /graphiql.
const STORED = 'sluice-access', LOCAL = { key: 'local-admin', tenant: '', tenants: [] };
export const access = { ...LOCAL, ...JSON.parse(globalThis.localStorage?.getItem(STORED) ?? '{}') };

export function choose({ key = access.key, tenant = '', tenants = [] }) {
  Object.assign(access, { key: key || LOCAL.key, tenant, tenants });
  if (access.key === LOCAL.key && !tenant) localStorage.removeItem(STORED);
  else localStorage.setItem(STORED, JSON.stringify(access));
}

export function accessHeaders() {
  return { 'X-API-Key': access.key, ...(access.tenant && { 'X-Sluice-Tenant': access.tenant }) };
}

// The public API. `headers` are added to the key and the tenant.
export async function call(method, path, { body, headers = {} } = {}) {
  const sent = { ...accessHeaders(), ...headers };
  if (body !== undefined) sent['Content-Type'] = 'application/json';
  return send(path, { method, headers: sent, body: body === undefined ? undefined : toJson(body) });
}

// Return whether rows belong to tenants, so that requests need a key with a tenant.
export const hasTenants = async () => Boolean((await openapi()).components.parameters.Tenant);

let document_ = null;
export async function openapi() {
  document_ ??= (await send('/openapi.json')).body;
  return document_;
}

const REMEDIES = { // docs/errors.md has all of them
  stale_version: 'Another client changed the row since you opened it. Load it again, and repeat your change.',
  unauthenticated: 'Choose an API key that exists. ',
  insufficient_scope: 'Choose a key with this scope, for example local-admin. ',
  no_tenant: 'Create a key with a tenant, and press “Use this key”. If it has several tenants, choose one here. ',
  tenant_not_allowed: 'Choose one of the tenants of this key. ',
  rate_limited: 'This key has used its requests. Wait, or choose local-admin.',
  query_too_expensive: 'Read fewer rows: add a condition on an indexed column, or a limit.',
  statement_timeout: 'The query took too long. Read fewer rows.',
  duplicate: 'Another row has this value. Choose another one.',
  still_referenced: 'Other rows refer to this one. Delete or change those first.',
  out_of_stock: 'Order fewer, or add to the stock.',
};
const OF_KEYS = new Set(['unauthenticated', 'insufficient_scope', 'no_tenant', 'tenant_not_allowed']);

// Return a message for a Failure: what is wrong, which fields, and what to do.
export function explain(failure) {
  const { problem = {}, status = 0 } = failure;
  const faults = (problem.errors ?? []).map((each) => make('li', {},
    make('code', {}, each.pointer ?? each.parameter ?? ''), ` ${each.message}`));
  const remedy = REMEDIES[problem.code];
  return make('div', { class: 'failure', role: 'alert' },
    make('strong', {}, problem.title ?? 'That did not work', status ? ` (${status})` : ''),
    failure.message !== problem.title && make('p', {}, ...prose(failure.message)),
    faults.length ? make('ul', {}, ...faults) : null,
    remedy && make('p', {}, remedy, OF_KEYS.has(problem.code) && make('a', { href: '#/keys' }, 'API keys')),
    problem.code && make('small', {}, `code ${problem.code}, request ${problem.request_id}`));
}

// Run `work`, and put its failure into `place`. Return whether it worked.
export async function attempt(place, work) {
  place.replaceChildren();
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    place.replaceChildren(explain(error));
    return false;
  }
}
