// Fetch new data from /console/data every second, keep ten minutes of it, and draw the page.
import { duration, make } from './elements.js';
import { KINDS, requests, showImports, showRoutes, showSandboxes, showTiles } from './panels.js';
import { Bars, Curves } from './plots.js';
import { toggle } from './traffic.js';

const KEPT = 600, SPANS = { '1 min': 60, '5 min': 300, '10 min': 600 }; // seconds
const COUNTED = {
  'rate limited': 'amber', 'limiter failures': 'pink', 'stale responses': 'brown', 'circuit open': 'violet',
  'pool exhausted': 'green', 'identity unavailable': 'deep', 'statement timeout': 'blue',
  'database unavailable': 'red', 'internal error': 'ink',
};
const plots = [
  new Bars('Requests a second', Object.keys(KINDS).reverse().map(
    (kind) => [kind, KINDS[kind][0], (second) => requests(second, kind)])),
  new Curves('Response time', [['p99', 'pale'], ['p95', 'blue'], ['median', 'deep']].map(
    ([name, colour], index) => [name, colour, (second) => second.times?.[2 - index]])),
  new Bars('Database connections of busy sandboxes', [
    ['in use', 'blue', ({ pool }) => Math.max(0, pool.checked_out - pool.overflow)],
    ['overflow', 'amber', ({ pool }) => pool.overflow],
    ['idle', 'pale', ({ pool }) => pool.checked_in],
  ]),
  new Bars('Rate limits, failures and stale responses', Object.entries(COUNTED).map(
    ([name, colour]) => [name, colour, (second) => second.counted[name.replace(' ', '_')]]), 'none'),
];
const seconds = new Map(); // the seconds with data, by their start
const byId = (id) => document.getElementById(id);
let latest = 0, span = 60; // the end of the data (Unix time), and how many seconds are shown

async function refresh() {
  try {
    const url = `/console/data?after=${latest}&window=${span}`;
    show(await (await fetch(url, { signal: AbortSignal.timeout(3000) })).json());
  } catch (error) { // for example during a restart of the system
    console.warn(error);
    byId('link').textContent = 'not reachable; trying again';
    byId('link').className = '';
    document.body.className = 'lost';
  }
}

function show(data) {
  latest = Math.floor(data.now);
  for (const second of data.seconds) seconds.set(second.at, second);
  for (const start of seconds.keys()) if (start < latest - KEPT) seconds.delete(start);
  const since = (start) => [...seconds.values()].filter((second) => second.at >= start);
  showTiles(data, since(latest - span), since(latest - 5), span);
  showRoutes(data, span);
  showSandboxes(data);
  showImports(data);
  for (const plot of plots) plot.draw(seconds, latest, span);
  byId('empty').hidden = seconds.size > 0;
  byId('link').textContent = `up ${duration(data.now - data.started)}`;
  byId('link').className = 'live';
  document.body.className = '';
}

for (const [name, length] of Object.entries(SPANS)) {
  const button = make('button', { 'aria-pressed': length === span }, name);
  button.onclick = () => {
    span = length;
    for (const each of byId('windows').children) each.setAttribute('aria-pressed', each === button);
    refresh();
  };
  byId('windows').append(button);
}
byId('traffic').onclick = () => toggle(byId('traffic'));
const first = await (await fetch('/console/first_request.txt')).text();
byId('empty').querySelector('code').textContent = `curl -H 'X-API-Key: local-reader' '${location.origin}${first}'`;
byId('plots').append(...plots.map((plot) => plot.figure));
refresh();
setInterval(refresh, 1000);
