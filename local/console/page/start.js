// Choose the view that the address names, fetch new data every second, and pass it to the view.
import { explain, Failure } from './api.js';
import { duration, make } from './elements.js';
import * as imports from './imports.js';
import * as keys from './keys.js';
import * as live from './live.js';
import * as requests from './requests.js';
import * as sql from './sql.js';
import * as statements from './statements.js';
import * as tables from './tables.js';

const KEPT = 600; // seconds
// The name in the address, the name in the navigation (empty: not there), and what opens the view.
// It returns what draws the data of each second, if anything does.
const VIEWS = {
  live: ['Live', live.open],
  requests: ['Requests', requests.openList],
  request: ['', requests.openOne],
  statements: ['Statements', statements.open],
  sql: ['SQL', sql.open],
  tables: ['Tables', tables.open],
  keys: ['API keys', keys.open],
  imports: ['Imports', imports.open],
};
const seconds = new Map(); // the seconds with data, by their start
const main = document.getElementById('main'), link = document.getElementById('link');
const navigation = document.querySelector('nav');
let latest = 0, draw = null, opened = 0; // the end of the data (Unix time)

async function refresh() {
  try {
    const url = `/console/data?after=${latest}&window=${live.state.span}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(3000) });
    if (response.ok) show(await response.json());
  } catch (error) { // for example during a restart of the system
    if (error instanceof TypeError || ['TimeoutError', 'AbortError'].includes(error.name)) {
      link.textContent = 'not reachable; trying again';
      link.className = '';
    } else throw error;
  }
}

function show(data) {
  latest = Math.floor(data.now);
  for (const second of data.seconds) seconds.set(second.at, second);
  for (const start of seconds.keys()) if (start < latest - KEPT) seconds.delete(start);
  link.textContent = `up ${duration(data.now - data.started)}`;
  link.className = 'live';
  draw?.(data, seconds, latest);
}

async function route() {
  const [name = 'live', ...rest] = location.hash.replace(/^#\//, '').split('/').map(decodeURIComponent);
  const known = VIEWS[name] ? name : 'live';
  const here = opened += 1;
  draw = null;
  document.title = `${VIEWS[known][0] || 'Request'} · Sluice console`;
  for (const each of navigation.children) {
    const current = each.hash === `#/${known}` || (known === 'request' && each.hash === '#/requests');
    if (current) each.setAttribute('aria-current', 'page');
    else each.removeAttribute('aria-current');
  }
  const place = make('div', { class: 'view' });
  main.replaceChildren(place);
  try {
    const drawing = await VIEWS[known][1](place, ...rest);
    if (here === opened) draw = drawing;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    place.replaceChildren(explain(error));
  }
  refresh();
}

navigation.append(...Object.entries(VIEWS).filter(([, [title]]) => title).map(
  ([name, [title]]) => make('a', { href: `#/${name}` }, title)));
document.querySelector('.skip').onclick = (event) => { // a link would change the address
  event.preventDefault();
  main.focus();
};
window.onhashchange = async () => {
  await route();
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
};
route();
setInterval(refresh, 1000);
