// Make the tiles, the table of routes and the sandboxes of the view "Live".
import { count, duration, make, plural, rate, statusKind, sum, table } from './elements.js';

export const KINDS = { // of statuses: the first one that matches
  failed: ['red', (status) => status >= 500],
  'over the limit': ['amber', (status) => status === 429],
  rejected: ['violet', (status) => status >= 400],
  successful: ['blue', () => true],
};
const kindOf = (status) => Object.keys(KINDS).find((kind) => KINDS[kind][1](Number(status)));
const shortName = (each) => each.name.replace(/Function$/, '');

export function requestsOf(traffic, kind) {
  const counted = Object.entries(traffic.statuses).filter(([status]) => !kind || kindOf(status) === kind);
  return sum(counted.map(([, number]) => number));
}

// What the circuit breaker does, in words: its state, a sentence, and the style of the tile.
function circuit(open, sandboxes, database) {
  const state = { reachable: 'The database answers.', unreachable: 'The database does not answer.',
    unknown: 'Checking the database.' }[database];
  if (open) {
    return ['Paused', `In ${open} of ${sandboxes} sandboxes, requests fail at once (503) instead of waiting for the database. `
      + `One sandbox tries it again every few seconds. ${state}`, 'bad'];
  }
  return [database === 'unreachable' ? 'Not reachable' : 'Normal',
    `Requests go to the database. ${state}`, database === 'unreachable' ? 'bad' : 'good'];
}

// `seconds`: the seconds of the window with data; `recent`: those of the last five seconds.
export function tiles({ times, cold_times: coldTimes, functions, database }, seconds, recent, span) {
  const total = (find) => sum(seconds.map(find));
  const all = total((second) => requestsOf(second)), failed = total((second) => requestsOf(second, 'failed'));
  const limited = total((second) => requestsOf(second, 'over the limit')), cold = total((second) => second.cold);
  const uncounted = total((second) => second.counted.limiter_failures ?? 0);
  const all_ = functions.flatMap((each) => each.sandboxes);
  const metrics = all_.map((each) => each.metrics ?? {});
  const connections = (name) => sum(metrics.map((each) => each[name] ?? 0));
  const waiting = sum(functions.map((each) => each.waiting));
  const busy = all_.filter((each) => each.state === 'busy').length;
  const share = (number) => (all ? `${rate((100 * number) / all)} % of requests` : 'no requests');
  const [state, sentence, style] = circuit(connections('breaker_open'), all_.length, database);
  return [
    tile('Requests', `${rate(sum(recent.map((second) => requestsOf(second))) / 5)}/s`, `${count(all)} in ${duration(span)}`),
    tile('Warm response time', duration(times?.[0]),
      `median; p95 ${duration(times?.[1])}, p99 ${duration(times?.[2])}`),
    tile('Cold starts', count(cold), cold ? `median ${duration(coldTimes?.[0])}; ${share(cold)}` : share(cold)),
    tile('Failed', count(failed), `${share(failed)} with status 5xx`, failed && 'bad'),
    tile('Over the limit', count(limited), uncounted ? plural(uncounted, 'limiter failure') : `${share(limited)} with status 429`,
      uncounted ? 'bad' : limited && 'warn'),
    tile('Connections', count(connections('checked_in') + connections('checked_out')),
      `open to the database, ${count(connections('overflow'))} of them overflow`),
    tile('Sandboxes', count(all_.length), waiting ? `${plural(waiting, 'request')} waiting` : `${busy} busy`, waiting && 'warn'),
    tile('Circuit breaker', state, sentence, style),
  ];
}

const tile = (name, value, note, style = '') => make('div', { class: `tile ${style || ''}` },
  make('h3', {}, name), make('b', {}, value), make('small', {}, note));

export function routes({ routes: all }, span) {
  if (!all.length) return make('p', { class: 'note' }, `No requests in ${duration(span)}.`);
  const number = 'number', columns = [['route', ''], ['function', 'wide-only'], ['requests', number], ['median', number],
    ['p95', number], ['p99', number], ['cold starts', number], ['cold median', number], ['statuses', '']];
  return table('Routes', columns, all.map((each) => [
    make('a', { href: `#/requests/${encodeURIComponent(each.route)}` }, each.route),
    each.function ?? '', count(requestsOf(each)),
    ...[0, 1, 2].map((index) => duration(each.times?.[index])), each.cold || '',
    each.cold ? duration(each.cold_times?.[0]) : '',
    make('span', {}, ...Object.entries(each.statuses).map(([status, times]) => make(
      'span', { class: `status ${statusKind(Number(status))}` }, `${status} ×${count(times)}`))),
  ]));
}

function sandbox({ state, invocations, memory, metrics }) {
  const label = state === 'starting' ? state : plural(invocations, 'request') + (memory ? `, ${memory} MB` : '');
  if (!metrics) return make('li', { class: `sandbox ${state}` }, label);
  const { age, size, checked_in: idle, checked_out: used, overflow, breaker_open: open } = metrics;
  const slots = [ // of the connection pool, in the order they are shown
    ...Array(Math.max(0, used - overflow)).fill('out'), ...Array(overflow).fill('over'),
    ...Array(idle).fill('in'), ...Array(size).fill('free'),
  ].slice(0, size + overflow);
  const title = `Peak ${age} s ago: ${used} connections in use, ${idle} idle, ${overflow} overflow, `
    + `pool size ${size}. ${open ? 'The circuit breaker rejects requests.' : ''}`;
  return make('li', { class: `sandbox ${state} ${open ? 'open' : ''} ${age > 3 ? 'old' : ''}`, title },
    ...slots.map((slot) => make('i', { class: slot })), label);
}

const SLOTS = { out: 'connection in use', in: 'idle connection', free: 'not opened', over: 'overflow' };

export function sandboxes({ functions }) {
  const stopped = functions.filter((each) => !each.sandboxes.length).map(shortName);
  const row = (each) => make('div', { class: 'row' },
    make('span', {}, shortName(each), make('small', { class: 'bad' }, each.waiting ? ` ${each.waiting} waiting` : '')),
    make('ul', { class: 'pool' }, ...each.sandboxes.map(sandbox)));
  return make('div', {}, ...functions.filter((each) => each.sandboxes.length).map(row),
    make('p', { class: 'note legend' }, ...Object.entries(SLOTS).map(
      ([slot, name]) => make('span', {}, make('i', { class: slot }), ` ${name}`)), make('span', {}, 'pale: seen more than 3 s ago')),
    make('small', {}, stopped.length ? `Without a sandbox until their first request: ${stopped.join(', ')}.` : ''));
}
