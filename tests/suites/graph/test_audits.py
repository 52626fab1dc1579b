"""The GraphQL over HTTP audits of npm's graphql-http against the application's handlers."""

from collections.abc import Callable
from pathlib import Path

from tests.fixtures.client import Client
from tests.fixtures.graph_audits import AUDITS, failed_audits
from tests.fixtures.served import served_handlers


def test_graphql_audits_pass(
    client: Client, npm_folder: Path, record_property: Callable[[str, object], None]
) -> None:
    with served_handlers() as url:
        failed, count = failed_audits(npm_folder, f"{url}/api/graphql")

    record_property("graphql-http", f"{count - len(failed)} of {count} audits pass")
    assert failed == []
    assert count == AUDITS
