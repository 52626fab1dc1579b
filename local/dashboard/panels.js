// What stands beside the plots: figures, routes, sandboxes, imports. Each is made anew from what was told last.
import { count, duration, make, plural, rate, sum, tinted } from './elements.js';

export const KINDS = { // of statuses; the first that fits
  failed: ['red', (status) => status >= 500],
  'over the limit': ['amber', (status) => status === 429],
  refused: ['violet', (status) => status >= 400],
  answered: ['blue', () => true],
};
const kindOf = (status) => Object.keys(KINDS).find((kind) => KINDS[kind][1](Number(status)));
const at = (id) => document.getElementById(id);
const named = (each) => each.name.replace(/Function$/, '');

export function requests(traffic, kind) {
  const counted = Object.entries(traffic.statuses).filter(([status]) => !kind || kindOf(status) === kind);
  return sum(counted.map(([, number]) => number));
}

// `seconds`: those of the window in which anything was; `lately`: those of the last five.
export function showTiles({ times, functions, database }, seconds, lately, span) {
  const total = (find) => sum(seconds.map(find));
  const all = total((second) => requests(second)), failed = total((second) => requests(second, 'failed'));
  const limited = total((second) => requests(second, 'over the limit')), cold = total((second) => second.cold);
  const uncounted = total((second) => second.counted.limiter_failures ?? 0);
  const sandboxes = functions.flatMap((each) => each.sandboxes), told = sandboxes.map((each) => each.told ?? {});
  const connections = (name) => sum(told.map((each) => each[name] ?? 0));
  const open = connections('breaker_open'), waiting = sum(functions.map((each) => each.waiting));
  const busy = sandboxes.filter((each) => each.state === 'busy').length;
  const share = (number) => (all ? `${rate((100 * number) / all)} % of requests` : 'no requests');
  const tile = (name, value, note, mood = '') => make(
    'div', { class: mood }, make('small', {}, name), make('b', {}, value), make('small', {}, note));
  at('tiles').replaceChildren(
    tile('requests a second', rate(sum(lately.map((second) => requests(second))) / 5),
      `${count(all)} in ${duration(span)}`),
    tile('median time', duration(times?.[0]), `p95 ${duration(times?.[1])}, p99 ${duration(times?.[2])}`),
    tile('failed', count(failed), share(failed), failed && 'bad'),
    tile('over the limit', count(limited), uncounted ? plural(uncounted, 'limiter failure') : share(limited),
      uncounted ? 'bad' : limited && 'warn'),
    tile('circuit', open ? `${open} open` : 'closed', database === 'asked' ? 'asking' : `database ${database}`,
      open || database === 'away' ? 'bad' : 'good'),
    tile('connections', count(connections('checked_in') + connections('checked_out')),
      `${count(connections('overflow'))} overflow`),
    tile('sandboxes', count(sandboxes.length), waiting ? `${plural(waiting, 'request')} wait` : `${busy} at work`,
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
  at('routes-note').textContent = `${routes.length ? '' : 'no requests '}in ${duration(span)}`;
  at('routes').replaceChildren(...(routes.length ? [make('tr', {}, ...head), ...routes.map(row)] : []));
}

function sandbox({ state, invocations, memory, told }) {
  const words = state === 'starting' ? state : plural(invocations, 'request') + (memory ? `, ${memory} MB` : '');
  if (!told) return make('span', { class: `sandbox ${state}` }, words);
  const kinds = [ // of its slots, in the order they are shown
    ...Array(Math.max(0, told.checked_out - told.overflow)).fill('out'), ...Array(told.overflow).fill('over'),
    ...Array(told.checked_in).fill('in'), ...Array(told.size).fill('free'),
  ].slice(0, told.size + told.overflow);
  const title = `${told.age} s ago, at its fullest: ${told.checked_out} checked out, ${told.checked_in} checked in, `
    + `${told.overflow} overflow, size ${told.size}; circuit ${told.breaker_open ? 'open' : 'closed'}`;
  const mood = `${told.breaker_open ? 'open' : ''} ${told.age > 3 ? 'old' : ''}`;
  return make(
    'span', { class: `sandbox ${state} ${mood}`, title }, ...kinds.map((kind) => make('i', { class: kind })), words);
}

export function showSandboxes({ functions }) {
  const asleep = functions.filter((each) => !each.sandboxes.length).map(named);
  const row = (each) => make('div', { class: 'row' },
    make('span', {}, named(each), make('small', { class: 'bad' }, each.waiting ? ` ${each.waiting} wait` : '')),
    make('div', {}, ...each.sandboxes.map(sandbox)));
  at('sandboxes').replaceChildren(
    ...functions.filter((each) => each.sandboxes.length).map(row),
    make('small', {}, asleep.length ? `Asleep until they are asked: ${asleep.join(', ')}.` : ''));
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
  const none = make('small', {}, 'None yet. POST /api/imports says where to put a file.');
  at('imports').replaceChildren(...(imports.length ? imports.map(row) : [none]));
}
