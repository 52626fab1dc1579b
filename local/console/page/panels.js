// Show the tiles, routes, sandboxes and imports. Each function replaces its section with new data.
import { count, duration, make, plural, rate, sum, tinted } from './elements.js';

export const KINDS = { // of statuses: the first one that matches
  failed: ['red', (status) => status >= 500],
  'over the limit': ['amber', (status) => status === 429],
  rejected: ['violet', (status) => status >= 400],
  successful: ['blue', () => true],
};
const kindOf = (status) => Object.keys(KINDS).find((kind) => KINDS[kind][1](Number(status)));
const byId = (id) => document.getElementById(id);
const shortName = (each) => each.name.replace(/Function$/, '');

export function requests(traffic, kind) {
  const counted = Object.entries(traffic.statuses).filter(([status]) => !kind || kindOf(status) === kind);
  return sum(counted.map(([, number]) => number));
}

// `seconds`: the seconds of the window with data; `recent`: those of the last five seconds.
export function showTiles({ times, functions, database }, seconds, recent, span) {
  const total = (find) => sum(seconds.map(find));
  const all = total((second) => requests(second)), failed = total((second) => requests(second, 'failed'));
  const limited = total((second) => requests(second, 'over the limit')), cold = total((second) => second.cold);
  const uncounted = total((second) => second.counted.limiter_failures ?? 0);
  const sandboxes = functions.flatMap((each) => each.sandboxes);
  const metrics = sandboxes.map((each) => each.metrics ?? {});
  const connections = (name) => sum(metrics.map((each) => each[name] ?? 0));
  const open = connections('breaker_open'), waiting = sum(functions.map((each) => each.waiting));
  const busy = sandboxes.filter((each) => each.state === 'busy').length;
  const share = (number) => (all ? `${rate((100 * number) / all)} % of requests` : 'no requests');
  const tile = (name, value, note, style = '') => make(
    'div', { class: style }, make('small', {}, name), make('b', {}, value), make('small', {}, note));
  byId('tiles').replaceChildren(
    tile('requests a second', rate(sum(recent.map((second) => requests(second))) / 5),
      `${count(all)} in ${duration(span)}`),
    tile('median time', duration(times?.[0]), `p95 ${duration(times?.[1])}, p99 ${duration(times?.[2])}`),
    tile('failed', count(failed), share(failed), failed && 'bad'),
    tile('over the limit', count(limited), uncounted ? plural(uncounted, 'limiter failure') : share(limited),
      uncounted ? 'bad' : limited && 'warn'),
    tile('circuit breaker', open ? `${open} open` : 'closed',
      database === 'unknown' ? 'checking the database' : `database ${database}`,
      open || database === 'unreachable' ? 'bad' : 'good'),
    tile('connections', count(connections('checked_in') + connections('checked_out')),
      `${count(connections('overflow'))} overflow`),
    tile('sandboxes', count(sandboxes.length), waiting ? `${plural(waiting, 'request')} waiting` : `${busy} busy`,
      waiting && 'warn'),
    tile('cold starts', count(cold), share(cold)));
}

export function showRoutes({ routes }, span) {
  const text = (...inside) => make('td', {}, ...inside), number = (value) => make('td', { class: 'number' }, value);
  const row = (each) => make('tr', {},
    text(each.route), text(make('small', {}, each.function ?? '')),
    number(count(requests(each))), number(each.cold || ''), ...each.times.map((time) => number(duration(time))),
    text(...Object.entries(each.statuses).map(([status, times]) => tinted(
      KINDS[kindOf(status)][0], make('span', { class: 'status' }, `${status} ×${count(times)}`)))));
  const head = ['route', 'function', 'requests', 'cold', 'median', 'p95', 'p99', 'statuses'].map(
    (name, column) => make('th', { class: column > 1 && column < 7 ? 'number' : '' }, name));
  byId('routes-note').textContent = `${routes.length ? '' : 'no requests '}in ${duration(span)}`;
  byId('routes').replaceChildren(...(routes.length ? [make('tr', {}, ...head), ...routes.map(row)] : []));
}

function sandbox({ state, invocations, memory, metrics }) {
  const label = state === 'starting' ? state : plural(invocations, 'request') + (memory ? `, ${memory} MB` : '');
  if (!metrics) return make('span', { class: `sandbox ${state}` }, label);
  const { age, size, checked_in, checked_out, overflow, breaker_open } = metrics;
  const slots = [ // of the connection pool, in the order they are shown
    ...Array(Math.max(0, checked_out - overflow)).fill('out'), ...Array(overflow).fill('over'),
    ...Array(checked_in).fill('in'), ...Array(size).fill('free'),
  ].slice(0, size + overflow);
  const title = `peak ${age} s ago: ${checked_out} checked out, ${checked_in} checked in, `
    + `${overflow} overflow, size ${size}; circuit breaker ${breaker_open ? 'open' : 'closed'}`;
  const style = `${breaker_open ? 'open' : ''} ${age > 3 ? 'old' : ''}`;
  return make(
    'span', { class: `sandbox ${state} ${style}`, title }, ...slots.map((slot) => make('i', { class: slot })), label);
}

export function showSandboxes({ functions }) {
  const stopped = functions.filter((each) => !each.sandboxes.length).map(shortName);
  const row = (each) => make('div', { class: 'row' },
    make('span', {}, shortName(each), make('small', { class: 'bad' }, each.waiting ? ` ${each.waiting} waiting` : '')),
    make('div', {}, ...each.sandboxes.map(sandbox)));
  byId('sandboxes').replaceChildren(
    ...functions.filter((each) => each.sandboxes.length).map(row),
    make('small', {}, stopped.length ? `Without a sandbox until their first request: ${stopped.join(', ')}.` : ''));
}

export function showImports({ imports }) {
  const row = (job) => {
    const took = (Date.parse(job.finished_at ?? new Date()) - Date.parse(job.started_at)) / 1000;
    const speed = job.rows_read ? `, ${count(job.rows_read / Math.max(took, 0.1))} rows a second` : '';
    return make('div', { class: 'row' },
      make('span', {}, `${job.id} ${job.resource} `, make('small', {}, job.status.replace('_', ' '))),
      make('progress', { max: job.bytes_total || 1, value: job.bytes_read }),
      make('span'),
      make('small', {}, `${count(job.rows_read)} rows read, ${count(job.rows_written)} written, `,
        make('span', { class: job.rows_rejected ? 'bad' : '' }, `${count(job.rows_rejected)} rejected`), speed,
        make('span', { class: 'bad' }, job.error ? ` ${job.error}` : '')));
  };
  const none = make('small', {}, 'None yet. POST /api/imports returns a URL to upload a file to.');
  byId('imports').replaceChildren(...(imports.length ? imports.map(row) : [none]));
}
