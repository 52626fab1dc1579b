"""`Cache-Control` and `Vary`: a shared cache never sends one client's response to another."""

from testing.tcp_proxy import TcpProxy
from tests.fixtures.sample import Library


def test_stale_response_is_not_stored(library: Library, proxy: TcpProxy) -> None:
    path = f"/api/books/{library.add_book('Mug')}"
    assert library.get(path).headers["Cache-Control"] == "private, no-cache"
    proxy.close()
    library.get("/api/readers")  # opens the circuit
    stale = library.get(path)
    assert stale.status == 200
    assert ("Warning" in stale.headers, stale.headers["Cache-Control"]) == (True, "no-store")
