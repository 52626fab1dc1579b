// Show openapi.json with Swagger UI. Examples get a suffix for each visit, so that the first click
// on a POST creates a row. A second click sends the same Idempotency-Key, and gets the stored
// response.
let visit, number;
const DAY = 86_400_000; // ms
const ROWS = 20; // of a list, for examples
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const DATE = /^\d{4}-\d\d-\d\d/;

// Choose other new values from now on.
export function renew() {
  visit = Date.now().toString(36);
  number = Math.floor(Date.now() / 10) % 2 ** 31;
}

renew();

function otherNumber({ minimum = 1, maximum = 2 ** 31 - 1 }) {
  const least = Math.max(minimum, 1);
  return least > maximum ? maximum : least + number % (maximum - least + 1);
}

// Move a date by days, or a time by seconds. Both keep their form.
function later(text) {
  const moved = new Date(text.slice(0, 10)).getTime() + (number % 100_000) * DAY;
  const date = new Date(moved).toISOString().slice(0, 10);
  const seconds = String(number % 60).padStart(2, "0");
  return date + text.slice(10).replace(/^(T\d\d:\d\d:)\d\d/, `$1${seconds}`);
}

const ALIKE = [[/\d/, "0", 10], [/[a-z]/, "a", 26], [/[A-Z]/, "A", 26]];

// Replace letters and digits by others, so that a text of a pattern may still match it.
function alike(text, seed = number) {
  let rest = seed;
  const replace = (character) => {
    const [, first, size] = ALIKE.find(([kind]) => kind.test(character)) ?? [];
    if (!first) return character;
    const at = rest % size;
    rest = Math.floor(rest / size);
    return String.fromCharCode(first.charCodeAt(0) + at);
  };
  return Array.from(text).reverse().map(replace).reverse().join("");
}

function otherText(text, { maxLength = Infinity, pattern = "" }) {
  const texts = [
    text.includes("@") ? text.replace("@", `+${visit}@`)
      : /^[a-z0-9-]+$/.test(text) ? `${text}-${visit}` : `${text} ${visit}`,
    visit.slice(-maxLength),
    alike(text),
  ];
  const fits = (each) => each.length <= maxLength && new RegExp(pattern, "u").test(each);
  return texts.find(fits) ?? text;
}

// Return another value that the schema allows, or the same one if its kind is not known here.
export function other(value, schema) {
  if (typeof value === "number") return otherNumber(schema);
  if (value?.lower && value?.upper) return { ...value, lower: other(value.lower, {}), upper: other(value.upper, {}) };
  if (typeof value !== "string") return value;
  if (UUID.test(value)) return crypto.randomUUID();
  if (DATE.test(value)) return later(value);
  return otherText(value, schema);
}

function makeUnique({ example, schema }, fields) {
  for (const field of fields) example[field] = other(example[field], schema.properties[field] ?? {});
}

export function prepare(document) {
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path)) {
      for (const content of bodies(operation)) makeUnique(content, operation["x-unique"] ?? []);
    }
  }
  document.components.parameters.IdempotencyKey.example = `docs-${visit}`;
  return document;
}

// Return the first rows of a list, or those with the greatest values of `field`, if the list has
// that sort. None if the list cannot be read without a tenant or a filter.
function reader({ paths }, load, tenant) {
  const rows = new Map();
  const needs = ({ $ref = "", required }) => required || (!tenant && $ref.endsWith("/Tenant"));
  return (list, field = "") => {
    const get = paths[list]?.get;
    const sort = field && `${field}:desc`;
    if (!get || get.parameters.some(needs) || (sort && !sortsOf(get).includes(sort))) return [];
    const query = new URLSearchParams({ limit: ROWS, ...(sort && { sort }) });
    const path = `${list}?${query}`;
    if (!rows.has(path)) rows.set(path, load(path));
    return rows.get(path);
  };
}

const sortsOf = ({ parameters }) => parameters.find(({ name }) => name === "sort")?.schema.items.enum ?? [];
const bodies = (operation) => Object.values(operation?.requestBody?.content ?? {});

// Return a value as a segment of a path, as `Location` has it: base64url if a URL would change it.
function segment(value) {
  const text = String(value);
  if (!/[/\\%]|^~|^\.{0,2}$/.test(text)) return value;
  const base64 = btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  return `~${base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

// Put rows that exist into the example of a POST, or into the path of a link. Each visit takes
// others, because the key of a junction table allows a pair once.
async function fillReferences(operation, read) {
  let rest = number;
  for (const { path, fields } of operation["x-references"] ?? []) {
    const rows = await read(path);
    const row = rows[rest % rows.length];
    rest = Math.floor(rest / Math.max(rows.length, 1));
    if (row) fillFrom(row, Object.entries(fields), operation);
  }
}

function fillFrom(row, fields, operation) {
  for (const [name, other] of fields) {
    if (row[other] === undefined) continue;
    for (const { example } of bodies(operation)) if (name in example) example[name] = row[other];
    for (const each of operation.parameters) {
      if (each.in === "path" && each.name === name) each.example = segment(row[other]);
    }
  }
}

const shape = (text) => text.replace(/[a-z]/g, "a").replace(/[A-Z]/g, "A").replace(/\d/g, "0");

// Return a new text for a column with these texts. If all of them have one format, so has the new one.
function similarText(texts, schema) {
  const [text] = texts;
  if (text.includes("@")) return otherText(text, schema);
  if (!texts.every((each) => shape(each) === shape(text))) return otherText(text, schema);
  const candidates = Array.from({ length: texts.length + 1 }, (_, index) => alike(text, number + index));
  return candidates.find((each) => !texts.includes(each)) ?? text;
}

// Return a date after the newest one. Partitions have a range, so it is near if all dates are known.
async function newDate(name, rows, path, read) {
  const newest = await read(path, name);
  const dates = (newest.length ? newest : rows).map((row) => row[name]).filter(Boolean).sort();
  if (!newest.length && rows.length === ROWS) return later(dates[0]);
  const next = new Date(dates.at(-1)).getTime() + (1 + number % 28) * DAY;
  return new Date(next).toISOString().slice(0, 10);
}

// Return a time of the same day, which is in the same partition.
function otherTime(text) {
  const time = new Date(number % DAY).toISOString().slice(11, 23);
  return text.replace(/T\d\d:\d\d:\d\d(\.\d+)?/, `T${time}000`);
}

// Return a value that no row has, and that the constraints of the others probably allow.
async function newValue(name, rows, schema, path, read) {
  const values = rows.map((row) => row[name]).filter((value) => value !== null && value !== undefined);
  const [value] = values;
  if (typeof value !== "string" || UUID.test(value)) return other(value, schema);
  if (!DATE.test(value)) return similarText(values, schema);
  return value.includes("T") ? otherTime(value) : newDate(name, rows, path, read);
}

// A new row gets the values of the first row, because openapi.json does not have each constraint of
// a table that existed before its declaration. What identifies a row is new.
async function fillNewRow(path, post, { paths }, read) {
  const isOfTable = Object.entries(paths).some(([each, operations]) => each.startsWith(`${path}/{`)
    && Object.values(operations).some((operation) => operation["x-row-values"]));
  const rows = isOfTable ? await read(path) : [];
  if (!rows.length) return;
  for (const { example, schema } of bodies(post)) {
    for (const name of Object.keys(example).filter((each) => example[each] !== null && rows[0][each] !== undefined)) {
      const isUnique = post["x-unique"]?.includes(name);
      example[name] = isUnique ? await newValue(name, rows, schema.properties[name] ?? {}, path, read) : rows[0][name];
    }
  }
}

// The operations on one row get the key of the first row, and its unique values and references. With
// x-row-values they get all of its values, which its constraints allow.
async function fillRow(path, operations, { paths }, read) {
  const [list] = path.split("/{", 1);
  const [row] = await read(list);
  if (!row) return;
  const { "x-unique": unique = [], "x-references": references = [] } = paths[list].post ?? {};
  const names = [...unique, ...references.flatMap(({ fields }) => Object.keys(fields))];
  for (const operation of Object.values(operations)) {
    for (const parameter of operation.parameters) {
      if (parameter.in === "path" && row[parameter.name] !== undefined) parameter.example = segment(row[parameter.name]);
    }
    const filled = operation["x-row-values"] ? Object.keys(row) : names;
    if (isRow(path)) fillFrom(row, filled.map((name) => [name, name]), operation);
    await fillReferences(operation, read);
  }
}

// Return whether the path is that of a row, and not that of a link below one.
const isRow = (path) => /^[^{]*(\/\{\w+\})+$/.test(path);

// Replace the keys in examples by those of rows that exist. `load` returns the rows of a list.
export async function fill(document, load, { tenant = "" } = {}) {
  const read = reader(document, load, tenant);
  await Promise.all(Object.entries(document.paths).map(async ([path, operations]) => {
    if (path.includes("/{")) await fillRow(path, operations, document, read);
    else if (operations.post) {
      await fillNewRow(path, operations.post, document, read);
      await fillReferences(operations.post, read);
    }
  }));
  if (tenant) document.components.parameters.Tenant.example = tenant;
  return document;
}

// Return what reads lists with this key. A list that cannot be read leaves the examples as they are.
export function loader({ key, tenant }) {
  return async (path) => {
    const headers = { "X-API-Key": key, ...(tenant && { "X-Sluice-Tenant": tenant }) };
    const options = { headers, signal: AbortSignal.timeout(10_000) };
    try {
      const response = await fetch(path.slice(1), options);
      return response.ok ? (await response.json()).data ?? [] : [];
    } catch (error) {
      console.info(`The examples have no rows of ${path}: ${error.message}`);
      return [];
    }
  };
}

// An edited body is another request, so it gets another idempotency key.
const sent = new Map();

export function intercept(request) {
  const key = request.headers?.["Idempotency-Key"];
  if (key) {
    const requestKey = `${request.url} ${key}`;
    const before = sent.get(requestKey) ?? sent.set(requestKey, [request.body]).get(requestKey);
    if (!before.includes(request.body)) before.push(request.body);
    const edits = before.indexOf(request.body);
    if (edits > 0) request.headers["Idempotency-Key"] = `${key}-${edits}`;
  }
  return request;
}

// Show the errors of an operation only when asked: their examples are most of its length.
const ErrorsFolded = (Responses, { React }) => function FoldedResponses(props) {
  const [open, setOpen] = React.useState(false);
  const isError = (_, status) => Number(status) >= 400;
  const errors = props.responses.filter(isError).size;
  const responses = open ? props.responses : props.responses.filterNot(isError);
  const text = open ? "Hide errors" : `Show ${errors} errors`;
  const toggle = { className: "fold", "aria-expanded": open, onClick: () => setOpen(!open) };
  const button = errors > 0 && React.createElement("button", toggle, text);
  const below = React.createElement("div", { className: "responses-inner" }, button);
  return React.createElement("div", null, React.createElement(Responses, { ...props, responses }), below);
};

// The summary of an operation is a button, which may not contain a link.
const PathWithoutLink = () => function Path({ text }) { return text; };
const NoServers = () => function Servers() { return null; }; // there is one, this one

// Swagger UI has a dark theme, which it applies to pages with this class.
function followColours() {
  const preference = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => document.documentElement.classList.toggle("dark-mode", preference.matches);
  preference.addEventListener("change", paint);
  paint();
}

// Give a name to each control of Swagger UI that has none, for screen readers.
function nameControls(element) {
  for (const control of element.querySelectorAll("select, input, textarea, .copy-to-clipboard button, .close-modal")) {
    if (control.hasAttribute("aria-label") || control.labels?.length) continue;
    const button = control.classList.contains("close-modal") ? "Close" : "Copy";
    const parameter = control.closest("tr[data-param-name]")?.dataset.paramName;
    control.setAttribute("aria-label", control.tagName === "BUTTON" ? button : parameter ?? (control.placeholder || "value"));
  }
}

// The dialog of Authorize shows the API key first, and focuses the last field.
function focusKey(element) {
  const field = element.querySelector(".auth-container input");
  if (field && !field.dataset.focused) {
    field.dataset.focused = "true";
    field.focus();
  }
}

// A long example scrolls by itself, so the keyboard must be able to focus it.
function focusExamples(element) {
  for (const example of element.querySelectorAll("pre.microlight:not([tabindex])")) example.tabIndex = 0;
}

function watch(element) {
  const changed = () => {
    nameControls(element);
    focusExamples(element);
    focusKey(element);
  };
  new MutationObserver(changed).observe(element, { childList: true, subtree: true });
}

// Return the API key and tenant of the local system: those that the reader chose in the console.
// Undefined in a deployment, which has no local key.
function localAccess({ components, info }) {
  const key = components.securitySchemes.apiKey["x-local-key"];
  if (!key) return undefined;
  const chosen = JSON.parse(localStorage.getItem("sluice-access") ?? "{}");
  if (components.parameters.Tenant && !chosen.tenant) {
    info.description += "\n\n**The rows belong to tenants, and the local keys have none.** Create a key with a tenant "
      + "under [API keys](console#/keys), and press *Use this key*: the examples of this page then use it.";
  }
  return { key, tenant: "", ...chosen, isChosen: Boolean(chosen.key) };
}

const COMPONENTS = { responses: ErrorsFolded, DeepLink: PathWithoutLink, ServersContainer: NoServers };

export async function start(show) {
  followColours();
  watch(document.getElementById("swagger-ui"));
  const response = await fetch("openapi.json");
  const spec = prepare(await response.json());
  const access = localAccess(spec);
  if (access) await fill(spec, loader(access), access);
  const ui = show({
    spec,
    dom_id: "#swagger-ui",
    deepLinking: true,
    filter: true,
    persistAuthorization: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    requestInterceptor: intercept,
    plugins: [() => ({ wrapComponents: COMPONENTS })],
    onComplete: () => {
      if (access && (access.isChosen || !ui.authSelectors.authorized().get("apiKey"))) {
        ui.preauthorizeApiKey("apiKey", access.key);
      }
    },
  });
}

if (globalThis.SwaggerUIBundle) start(globalThis.SwaggerUIBundle);
