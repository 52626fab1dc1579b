// The page asks /console/data once a second for what is new, keeps ten minutes of it, and shows all of it again.
import { duration, make } from './elements.js';
import { KINDS, requests, showImports, showRoutes, showSandboxes, showTiles } from './panels.js';
import { Bars, Curves } from './plots.js';
import { toggle } from './traffic.js';

const KEPT = 600, SPANS = { '1 min': 60, '5 min': 300, '10 min': 600 }; // seconds
const COUNTED = {
  'rate limited': 'amber', 'limiter failures': 'pink', 'stale answers': 'brown', 'circuit open': 'violet',
  'pool exhausted': 'green', 'identity unavailable': 'deep', 'statement timeout': 'blue',
  'database unavailable': 'red', 'internal error': 'ink',
};
const plots = [
  new Bars('Requests a second', Object.keys(KINDS).reverse().map(
    (kind) => [kind, KINDS[kind][0], (second) => requests(second, kind)])),
  new Curves('Time to answer', [['p99', 'pale'], ['p95', 'blue'], ['median', 'deep']].map(
    ([name, colour], index) => [name, colour, (second) => second.times?.[2 - index]])),
  new Bars('Connections of the sandboxes at work', [
    ['in use', 'blue', ({ pool }) => Math.max(0, pool.checked_out - pool.overflow)],
    ['overflow', 'amber', ({ pool }) => pool.overflow],
    ['idle', 'pale', ({ pool }) => pool.checked_in],
  ]),
  new Bars('Limits, failures, and answers from memory', Object.entries(COUNTED).map(
    ([name, colour]) => [name, colour, (second) => second.counted[name.replace(' ', '_')]]), 'none'),
];
const seconds = new Map(); // of those in which anything was, by when they began
const at = (id) => document.getElementById(id);
let known = 0, span = 60; // up to when all is known, and how much of it is shown

async function ask() {
  try {
    const url = `/console/data?after=${known}&window=${span}`;
    show(await (await fetch(url, { signal: AbortSignal.timeout(3000) })).json());
  } catch (error) { // while it is started again, say
    console.warn(error);
    at('link').textContent = 'not reached; trying again';
    at('link').className = '';
    document.body.className = 'lost';
  }
}

function show(data) {
  known = Math.floor(data.now);
  for (const second of data.seconds) seconds.set(second.at, second);
  for (const begun of seconds.keys()) if (begun < known - KEPT) seconds.delete(begun);
  const since = (begun) => [...seconds.values()].filter((second) => second.at >= begun);
  showTiles(data, since(known - span), since(known - 5), span);
  showRoutes(data, span);
  showSandboxes(data);
  showImports(data);
  for (const plot of plots) plot.draw(seconds, known, span);
  at('empty').hidden = seconds.size > 0;
  at('link').textContent = `up ${duration(data.now - data.started)}`;
  at('link').className = 'live';
  document.body.className = '';
}

for (const [name, length] of Object.entries(SPANS)) {
  const button = make('button', { 'aria-pressed': length === span }, name);
  button.onclick = () => {
    span = length;
    for (const each of at('windows').children) each.setAttribute('aria-pressed', each === button);
    ask();
  };
  at('windows').append(button);
}
at('traffic').onclick = () => toggle(at('traffic'));
at('empty').querySelector('code').textContent = `curl -H 'X-API-Key: local-reader' ${location.origin}/api/products`;
at('plots').append(...plots.map((plot) => plot.figure));
ask();
setInterval(ask, 1000);
