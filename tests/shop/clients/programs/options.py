"""Options of both clients, and wrong ones: a type checker must report each line with an ignore."""

import httpx
from shop_client import AsyncClient, Client, ClientOptions, EtagCache, RetryPolicy, Timing

OPTIONS: ClientOptions = {"api_key": "…", "tenant": "acme", "retries": RetryPolicy(max_attempts=2)}
URL = "https://api.example.com"

client = Client(URL, token=lambda: "…", timing=Timing(), etag_cache=EtagCache())
other = AsyncClient(URL, api_key="…", headers={"X-Trace": "1"})
tried = Client(URL, **OPTIONS, transport=httpx.MockTransport(lambda _: httpx.Response(204)))

Client(URL, api_kye="…")  # type: ignore[call-arg]
Client(URL, api_key=7)  # type: ignore[arg-type]
AsyncClient(URL, api_key="…", retries=5)  # type: ignore[arg-type]
AsyncClient(URL, api_key="…", transport=httpx.HTTPTransport())  # type: ignore[arg-type]
