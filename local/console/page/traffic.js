// Send sample requests: reads of all kinds, and a few that are rejected. They change nothing.
// openapi.json has the paths and their examples.
import { accessHeaders } from './api.js';
import { segment } from './schema.js';

const MISSING = '999999999'; // the key of no row
const MAX_CONCURRENT = 4; // a browser has six connections, and the page needs one

// Return one request for each GET route without a path parameter: its path, and its query if the
// route needs one.
function lists({ paths }) {
  return Object.entries(paths)
    .filter(([path, { get }]) => get && path.startsWith('/api/') && !path.includes('{'))
    .map(([path, { get }]) => {
      const query = new URLSearchParams();
      for (const { name, required, example, in: place } of get.parameters) {
        if (place === 'query' && required) query.set(name, example);
      }
      return query.size ? `${path}?${query}` : path;
    });
}

// Return the paths of single rows below a list: one for each row of the list's response.
function rowsOf(list, paths, rows) {
  const row = Object.keys(paths).find((path) => path.startsWith(`${list}/{`)
    && path.slice(list.length + 1).split('/').every((part) => part.startsWith('{')));
  if (!row) return [];
  return rows.map((each) => row.replace(/\{(\w+)\}/g, (_, name) => segment(each[name])));
}

export async function requests(document, load) {
  const { paths } = document;
  const found = lists(document);
  const collections = found.filter((path) => paths[path]);
  const query = paths['/api/graphql']?.post.requestBody.content['application/json'].example;
  const made = [];
  for (const list of found) made.push([list, 'local-admin']);
  for (const list of collections.slice(0, 5)) {
    const rows = (await load(list, 'local-admin'))?.data ?? [];
    for (const path of rowsOf(list, paths, rows.slice(0, 3))) made.push([path, 'local-admin']);
    if (query) made.push(['/api/graphql', 'local-admin', query]);
  }
  const [first] = collections;
  return [...made, [`${first}/${MISSING}`, 'local-admin'], [first, 'local-limited'], [first, 'unknown-key']];
}

async function load(path, key = 'local-reader', body = undefined) {
  const chosen = key === 'local-admin' ? accessHeaders() : { 'X-API-Key': key };
  const headers = { ...chosen, 'Content-Type': 'application/json' };
  const method = body ? 'POST' : 'GET';
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  return response.json();
}

let timer = null, next = 0, running = 0, all = null;

async function send() {
  if (running >= MAX_CONCURRENT || Math.random() < 0.25) return;
  running += 1;
  try {
    all ??= await requests(await load('/openapi.json'), load);
    await load(...all[next++ % all.length]);
  } catch { // the page shows that the system is not reachable
  } finally {
    running -= 1;
  }
}

// Start or stop to send requests, and label the button. With `change` false, label it only.
export function toggle(button, change = true) {
  if (change) timer = timer ? clearInterval(timer) : setInterval(send, 60);
  button.setAttribute('aria-pressed', String(Boolean(timer)));
  button.textContent = timer ? 'Stop sending' : 'Send requests';
}
