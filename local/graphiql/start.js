const HELP = `# Run it with Ctrl-Enter.
# Book icon: the schema.
# API key: see Headers.
`;

// GraphiQL fetches the schema before the editor's headers are loaded.
// The reader may have chosen another key in the console.
const { key, tenant } = { key: 'local-admin', ...JSON.parse(localStorage.getItem('sluice-access') ?? '{}') };
const KEY = { 'X-API-Key': key, ...(tenant && { 'X-Sluice-Tenant': tenant }) };
const HEADERS = JSON.stringify(KEY, null, 2);

const fetcher = async (request, options) => {
  const response = await fetch('/api/graphql', {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/graphql-response+json, application/json;q=0.9',
      ...KEY,
      ...options?.headers,
    },
    body: JSON.stringify(request),
  });
  return response.json();
};

// Correct what GraphiQL and its editor leave to screen readers: names, and tabs that contain buttons.
const NAMES = [['.graphiql-query-editor', 'Query'], ['.graphiql-editor-tool', 'Variables or headers'], ['.result-window', 'Response']];

function correct(root) {
  for (const [within, name] of NAMES) {
    for (const field of root.querySelectorAll(`${within} textarea:not([aria-label])`)) field.setAttribute('aria-label', name);
  }
  for (const area of root.querySelectorAll('.CodeMirror-scroll[tabindex="-1"]')) area.tabIndex = 0;
  for (const list of root.querySelectorAll('[role="tablist"]')) list.setAttribute('role', 'group');
  for (const tab of root.querySelectorAll('li[role="tab"], li[aria-selected]')) {
    tab.setAttribute('role', 'none');
    tab.removeAttribute('aria-selected');
  }
}

const root = document.getElementById('graphiql');
const changes = { childList: true, subtree: true, attributeFilter: ['aria-selected'] };
new MutationObserver(() => correct(root)).observe(root, changes);

const query = await (await fetch('/graphiql/first_query.graphql')).text();

ReactDOM.createRoot(root).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: HELP + query,
    defaultHeaders: HEADERS,
    ...(key !== 'local-admin' && { headers: HEADERS }), // instead of those that an earlier visit kept
    defaultEditorToolsVisibility: 'headers',
    shouldPersistHeaders: true,
  }),
);
