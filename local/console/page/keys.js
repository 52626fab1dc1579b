// The view "API keys": list, create, rotate and revoke the keys of the local system.
import { ask, attempt, choose, hasTenants } from './api.js';
import { field, heading, make, plural, section, table } from './elements.js';

export async function open(main) {
  const problem = make('div', {}), created = make('div', { 'aria-live': 'polite' }), place = make('div', {}), form = make('div', {});
  const load = () => attempt(problem, async () => {
    const { keys, scopes, tiers } = await ask('keys');
    place.replaceChildren(list(keys, scopes, act));
    if (!form.firstChild) form.append(creation(scopes, tiers, await tenantChoice(), act));
  });
  // Do what `path` names; show a new key, which cannot be read again.
  const act = (path, body = {}, tenants = []) => attempt(problem, async () => {
    const { key } = await ask(path, body);
    if (key) created.replaceChildren(secret(key, tenants));
    await load();
  });
  main.replaceChildren(make('div', { class: 'bar' }, heading('API keys', 'of this local system')),
    problem, created, section(place), section(heading('New key'), form));
  await load();
}

function secret(key, tenants) {
  const copy = make('button', { onclick: async () => {
    await navigator.clipboard.writeText(key);
    copy.textContent = 'Copied';
  } }, 'Copy');
  const message = make('p', { role: 'status' });
  const use = make('button', { class: 'primary', onclick: () => {
    choose({ key, tenant: tenants[0] ?? '', tenants });
    message.textContent = `The pages of this local system now send this key${tenants.length ? ` and the tenant ${tenants[0]}` : ''}.`;
  } }, 'Use this key');
  return make('section', { class: 'card notice' }, make('p', {}, 'The new key. It is shown once: the table keeps only its hash.'),
    make('div', { class: 'bar' }, make('code', { id: 'new-key' }, key), copy, use), message);
}

const FEW = 3; // scopes

// Return the scopes of a key in few words; many of them are shown on demand.
function scopesOf({ scopes }, all) {
  const reads = all.filter((scope) => scope.endsWith(':read'));
  const text = make('span', { class: 'many' }, scopes.join(', '));
  if (scopes.length <= FEW) return text;
  const kind = scopes.length === all.length ? 'every scope' : scopes.join() === reads.sort().join() ? 'every scope to read' : 'scopes';
  return make('details', {}, make('summary', {}, `${kind} (${scopes.length})`), text);
}

function list(keys, all, act) {
  const hasTenant = keys.some((each) => each.tenants.length);
  const columns = [['id', ''], ['client', ''], ['state', ''], ['tier', ''], ['scopes', ''], hasTenant && ['tenants', ''], ['expires', ''], ['', '']];
  const actions = (each) => {
    if (each.built_in) return make('span', {}, 'key ', make('code', {}, each.built_in));
    if (each.state === 'disabled') return '';
    const button = (name, path) => make('button', { onclick: () => act(`keys/${each.id}/${path}`, {}, each.tenants), 'aria-label': `${name} the key ${each.id}` }, name);
    return make('span', { class: 'group' }, button('Rotate', 'rotate'), button('Revoke', 'revoke'));
  };
  return table('API keys', columns.filter(Boolean), keys.map((each) => [
    make('code', {}, each.id), each.client, make('span', { class: each.state === 'valid' ? 'good' : 'bad' }, each.state), each.tier,
    scopesOf(each, all), ...(hasTenant ? [make('span', { class: 'many' }, each.tenants.join(', '))] : []),
    each.expires_at ? new Date(each.expires_at * 1000).toLocaleDateString('en-GB') : 'never', actions(each)]));
}

// Return { elements, values() }: a box for each tenant that exists, and a field for others. None of
// them if the application has no tenants.
async function tenantChoice() {
  if (!await hasTenants()) return { elements: [], values: () => [] };
  const known = { tenants: [], more: false };
  const problem = make('div', {});
  await attempt(problem, async () => Object.assign(known, await ask('tenants')));
  const others = make('input', { autocomplete: 'off', spellcheck: 'false' });
  const boxes = known.tenants.map(({ tenant, name }) => checkbox(tenant, name ? `${name} ` : '', make('small', {}, tenant)));
  const legend = make('legend', {}, 'Tenants', known.more && make('small', {}, ` the first ${plural(boxes.length, 'tenant')}, by name`));
  return {
    elements: [
      boxes.length ? make('fieldset', { class: 'long' }, legend, ...boxes.map((each) => each.label)) : problem,
      field(boxes.length ? 'Other tenants' : 'Tenants', others, 'Separated by commas. Without a tenant, the key reads shared rows only.'),
    ],
    values: () => [...boxes.filter((each) => each.box.checked).map((each) => each.box.value),
      ...others.value.split(',').map((each) => each.trim()).filter(Boolean)],
  };
}

let created = 0;
function checkbox(value, ...label) {
  const box = make('input', { type: 'checkbox', value, id: `box-${created += 1}` });
  return { box, label: make('label', { class: 'check', for: box.id }, box, make('span', {}, ...label)) };
}

function creation(scopes, tiers, tenants, act) {
  const client = make('input', { value: 'my-client', autocomplete: 'off' });
  const tier = make('select', {}, ...tiers.map((each) => make('option', {}, each)));
  const days = make('input', { type: 'number', min: 1, max: 3650 });
  const boxes = scopes.map((scope) => checkbox(scope, scope));
  const check = (isChosen) => boxes.forEach(({ box }) => { box.checked = isChosen(box.value); });
  const choice = (name, isChosen) => make('button', { type: 'button', onclick: () => check(isChosen) }, name);
  const isRead = (scope) => scope.endsWith(':read');
  check(isRead);
  const submit = (event) => {
    event.preventDefault();
    const named = tenants.values();
    act('keys', {
      client: client.value, tier: tier.value, days: days.value ? Number(days.value) : null, tenants: named,
      scopes: boxes.filter(({ box }) => box.checked).map(({ box }) => box.value),
    }, named);
  };
  return make('form', { class: 'form', onsubmit: submit },
    field('Client', client, 'The name in logs and rate limits.'), field('Rate tier', tier),
    field('Days until it expires', days, 'Empty: never.'), ...tenants.elements,
    make('fieldset', {}, make('legend', {}, 'Scopes'),
      make('div', { class: 'bar' }, choice('All', () => true), choice('Reads only', isRead), choice('None', () => false)),
      ...boxes.map((each) => each.label)),
    make('div', { class: 'bar' }, make('button', { class: 'primary', type: 'submit' }, 'Create key')));
}
