const EXAMPLE = `# A query of the demo shop. Run it with Ctrl-Enter; the book icon on the left shows the schema.
# The API key is under Headers below: local-reader can read, local-admin can do everything.
query MostExpensive($first: Int = 3) {
  products(first: $first, sortBy: {field: PRICE, direction: DESC}) {
    edges {
      cursor
      node { id name price inventory category { name slug } }
    }
    pageInfo { hasNextPage endCursor }
    totalCount
  }
}
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

ReactDOM.createRoot(document.getElementById('graphiql')).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: EXAMPLE,
    defaultHeaders: JSON.stringify(KEY, null, 2),
    defaultEditorToolsVisibility: 'headers',
    shouldPersistHeaders: true,
  }),
);
