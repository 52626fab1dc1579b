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

const query = await (await fetch('/graphiql/first_query.graphql')).text();

ReactDOM.createRoot(document.getElementById('graphiql')).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: HELP + query,
    defaultHeaders: JSON.stringify(KEY, null, 2),
    defaultEditorToolsVisibility: 'headers',
    shouldPersistHeaders: true,
  }),
);
