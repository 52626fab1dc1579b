const EXAMPLE = `# The demo shop. Run it with Ctrl-Enter; the book on the left has the schema.
# The key is under Headers below: local-reader reads, local-admin may do everything.
query Dearest($first: Int = 3) {
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

// The schema is asked for before the editor's headers are there.
const KEY = { 'X-API-Key': 'local-admin' };

const fetcher = async (request, options) => {
  const answer = await fetch('/api/graphql', {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json',
      Accept: 'application/graphql-response+json, application/json;q=0.9',
      ...KEY,
      ...options?.headers,
    },
    body: JSON.stringify(request),
  });
  return answer.json();
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
