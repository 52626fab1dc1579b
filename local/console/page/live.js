// The view "Live": tiles, plots, routes, sandboxes. It is drawn again with each second's data.
import { heading, make, section } from './elements.js';
import { KINDS, requestsOf, routes, sandboxes, tiles } from './panels.js';
import { Bars, Curves } from './plots.js';
import { toggle } from './traffic.js';

const SPANS = { '1 min': 60, '5 min': 300, '10 min': 600 }; // seconds
const COUNTED = {
  'rate limited': 'amber', 'limiter failures': 'pink', 'stale responses': 'brown', 'circuit open': 'violet',
  'pool exhausted': 'green', 'identity unavailable': 'deep', 'statement timeout': 'blue',
  'database unavailable': 'red', 'internal error': 'ink',
};
const quantile = (name, index) => (second) => second[name]?.[index];

function makePlots() {
  return [
    new Bars({ title: 'Requests', unit: 'requests per second, by outcome',
      series: Object.keys(KINDS).reverse().map((kind) => [kind, KINDS[kind][0], (second) => requestsOf(second, kind)]) }),
    new Curves({ title: 'Response time of warm requests', unit: 'per second, logarithmic',
      series: [['p99', 'amber', quantile('times', 2), { dash: [2, 3] }], ['p95', 'violet', quantile('times', 1), { dash: [7, 4] }],
        ['median', 'blue', quantile('times', 0)]] }),
    new Curves({ title: 'Response time of cold starts', unit: 'requests that started a sandbox, logarithmic',
      series: [['slowest', 'amber', quantile('cold_times', 2), { dot: 10 }],
        ['median', 'blue', quantile('cold_times', 0), { dot: 6 }]], empty: 'none' }),
    new Bars({ title: 'Database connections', unit: 'connections of busy sandboxes', series: [
      ['in use', 'blue', ({ pool }) => Math.max(0, pool.checked_out - pool.overflow)],
      ['overflow', 'amber', ({ pool }) => pool.overflow],
      ['idle', 'pale', ({ pool }) => pool.checked_in]] }),
    new Bars({ title: 'Rate limits, failures and stale responses', unit: 'events per second',
      series: Object.entries(COUNTED).map(([name, colour]) => [name, colour,
        (second) => second.counted[name.replace(' ', '_')]]), empty: 'none' }),
  ];
}

export const state = { span: 60 };

export async function open(main) {
  const plots = makePlots();
  const parts = Object.fromEntries(['tiles', 'routes', 'sandboxes'].map((id) => [id, make('div', { id })]));
  const example = make('code', {});
  const empty = make('p', { class: 'card', hidden: true },
    'No requests yet. Press “Send requests”, or run ', example);
  const send = make('button', { id: 'traffic', onclick: () => toggle(send) }, 'Send requests');
  const spans = Object.entries(SPANS).map(([name, length]) => {
    const button = make('button', { 'aria-pressed': String(length === state.span) }, name);
    button.onclick = () => {
      state.span = length;
      for (const each of spans) each.setAttribute('aria-pressed', String(each === button));
    };
    return button;
  });
  main.replaceChildren(
    make('div', { class: 'bar' }, heading('Live'), send,
      make('small', {}, 'REST reads, GraphQL queries and a few rejected requests. They change nothing.'),
      make('div', { class: 'group', role: 'group', 'aria-label': 'Time shown' }, ...spans)),
    empty, parts.tiles, make('div', { id: 'plots' }, ...plots.map((plot) => plot.figure)),
    section(heading('Routes', 'choose one for its last requests'), parts.routes),
    section(heading('Sandboxes', 'with their database connections, from their last metrics'), parts.sandboxes));
  matchMedia('(prefers-color-scheme: dark)').onchange = () => plots.forEach((plot) => plot.create());
  toggle(send, false);
  const first = await (await fetch('/console/first_request.txt')).text();
  example.textContent = `curl -H 'X-API-Key: local-reader' '${location.origin}${first}'`;

  return (data, seconds, latest) => {
    const since = (start) => [...seconds.values()].filter((second) => second.at >= start);
    parts.tiles.replaceChildren(...tiles(data, since(latest - state.span), since(latest - 5), state.span));
    replace(parts.routes, routes(data, state.span));
    replace(parts.sandboxes, sandboxes(data));
    for (const plot of plots) plot.draw(seconds, latest, state.span);
    empty.hidden = seconds.size > 0;
  };
}

// Replace the content of `place`, and keep the focus on the link that has it.
function replace(place, content) {
  const focused = place.contains(document.activeElement) && document.activeElement.getAttribute('href');
  const scrolled = place.querySelector('.wide')?.scrollLeft ?? 0;
  place.replaceChildren(content);
  if (focused) [...place.querySelectorAll('a')].find((link) => link.getAttribute('href') === focused)?.focus();
  const wide = place.querySelector('.wide');
  if (wide) wide.scrollLeft = scrolled;
}
