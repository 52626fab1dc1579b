const HELP = `# Run it with Ctrl-Enter; the book icon on the left shows the schema.
# The API key is under Headers below: local-reader can read, local-admin can do everything.
`;

// GraphiQL fetches the schema before the editor's headers are loaded.
const KEY = { 'X-API-Key': 'local-admin' };

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
    defaultHeaders: JSON.stringify(KEY, null, 2),
    defaultEditorToolsVisibility: 'headers',
    shouldPersistHeaders: true,
  }),
);
