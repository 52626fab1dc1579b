// The views "Requests": the last ones of a route, and one with its log, statements and plans.
import { ask, attempt } from './api.js';
import { clock, count, duration, heading, make, plural, section, shortened, statusKind, table } from './elements.js';

const status = (number) => make('span', { class: `status ${statusKind(number)}` }, String(number));
const temperature = (each) => (each.cold_seconds === null ? 'warm' : `cold, started in ${duration(each.cold_seconds)}`);

export async function openList(main, route = '') {
  const place = make('div', {}), problem = make('div', {});
  const load = () => attempt(problem, async () => {
    const { requests } = await ask(`requests?route=${encodeURIComponent(route)}`);
    place.replaceChildren(requests.length ? list(requests) : make('p', {}, 'No request is kept here. Send one, then load again.'));
  });
  main.replaceChildren(
    make('div', { class: 'bar' }, heading(route || 'Requests of all routes', 'newest first; up to 100 of each route are kept in memory'),
      make('button', { onclick: load }, 'Load again'),
      route && make('a', { href: '#/requests' }, 'All routes')),
    problem, section(place));
  await load();
}

function list(requests) {
  const number = 'number', hasTenants = requests.some((each) => each.tenant);
  const columns = [['time', ''], ['request', ''], ['status', ''], ['duration', number], ['sandbox', ''],
    ['client', ''], hasTenants && ['tenant', ''], ['statements', number], ['request id', '']].filter(Boolean);
  return table('Requests', columns, requests.map((each) => [
    clock(each.at), make('a', { class: 'target', href: `#/request/${each.id}` }, `${each.method} ${each.target}`), status(each.status),
    duration(each.seconds), temperature(each), each.client, ...(hasTenants ? [shortened(each.tenant)] : []), count(each.statements),
    make('code', {}, each.id)]));
}

export async function openOne(main, id) {
  const problem = make('div', {}), place = make('div', { class: 'view' });
  main.replaceChildren(problem, place);
  await attempt(problem, async () => {
    const shown = await ask(`requests/${encodeURIComponent(id)}`);
    place.replaceChildren(...detail(shown));
  });
}

function detail(shown) {
  const facts = {
    time: clock(shown.at), status: status(shown.status), duration: duration(shown.seconds), sandbox: temperature(shown),
    client: shown.client ?? 'not authenticated', tenant: shown.tenant, function: shown.function ?? 'none: the gateway answered',
    database: shown.database_seconds === null ? '–'
      : `${duration(shown.database_seconds)} in ${plural(shown.round_trips ?? 0, 'round trip')}`,
    'error code': shown.code, 'request id': make('code', {}, shown.id),
  };
  return [
    make('div', { class: 'bar' }, heading(`${shown.method} ${shown.target}`),
      make('a', { href: `#/requests/${encodeURIComponent(shown.route)}` }, `All requests of ${shown.route}`)),
    section(make('dl', { class: 'facts' }, ...Object.entries(facts).filter(([, value]) => value).map(
      ([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))))),
    section(heading('SQL statements', 'in the order they were sent'), ...statements(shown)),
    section(heading('Log lines', 'of the function, in their order'), logOf(shown)),
  ];
}

function statements({ id, traced, dropped_statements: dropped }) {
  if (!traced.length) return [make('p', { class: 'note' }, 'None. The function did not use the database.')];
  const shown = traced.map((each, position) => statement(each, { request: id, position }));
  if (dropped) shown.push(make('p', {}, `${plural(dropped, 'more statement')} did not fit in memory.`));
  return shown;
}

// Return a statement with its times, its parameters and a button for its plan.
export function statement(each, name) {
  const facts = [
    each.round_trips ? `${duration(each.seconds)}, ${plural(each.round_trips, 'round trip')}` : 'sent together with the next statement',
    each.rows >= 0 ? plural(each.rows, 'row') : '', `as ${each.user}`,
    each.tenant ? `for tenant ${each.tenant}` : '', each.error && `failed with SQLSTATE ${each.error}`];
  const parameters = each.params === null
    ? [make('p', { class: 'note' }, 'The statement was too large to keep all of it.')]
    : each.params.length ? [make('ol', { class: 'params' }, ...each.params.map((text) => make('li', {}, make('code', {}, text ?? 'NULL'))))] : [];
  return make('article', { class: 'statement' },
    make('p', { class: each.error ? 'bad' : 'note' }, facts.filter(Boolean).join(', ')),
    sqlText(each.sql), ...(parameters.length ? [make('details', {}, make('summary', {}, 'Parameters'), ...parameters)] : []),
    each.explainable ? explainer(name) : null);
}

export const sqlText = (sql) => make('pre', { tabindex: 0, class: 'sql', 'aria-label': 'SQL statement' }, dedent(sql));

function dedent(sql) {
  const lines = sql.replace(/^\s*\n/, '').trimEnd().split('\n');
  const margin = Math.min(...lines.filter((line) => line.trim()).map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(margin)).join('\n');
}

export function explainer(name) {
  const problem = make('div', {}), place = make('div', { 'aria-live': 'polite' });
  const show = () => attempt(problem, async () => {
    const plan = await ask('explain', name);
    place.replaceChildren(
      make('p', { class: 'note' }, plan.analyzed ? 'EXPLAIN ANALYZE: the statement was executed once more, in a read-only transaction.'
        : 'EXPLAIN: the statement changes or locks rows, so it was not executed.'),
      make('pre', { tabindex: 0, class: 'plan', 'aria-label': 'Plan' }, plan.text));
  });
  return make('div', {}, make('button', { onclick: show }, 'Explain'), problem, place);
}

function logOf({ log, dropped_lines: dropped }) {
  const lines = [...log, ...(dropped ? [`… ${plural(dropped, 'more line')} did not fit in memory`] : [])];
  const shown = lines.map((line) => make('span', { class: 'line' }, `${line}\n`));
  return make('pre', { tabindex: 0, class: 'log', 'aria-label': 'Log lines' }, ...(shown.length ? shown : ['No lines.']));
}
