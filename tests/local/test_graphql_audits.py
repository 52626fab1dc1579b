"""The GraphQL over HTTP audits of npm's graphql-http against the running system."""

from pathlib import Path

from testing.local_system import LocalSystem
from tests.fixtures.graph_audits import AUDITS, failed_audits


def test_graphql_audits_pass_in_the_local_system(
    demo_system: LocalSystem, npm_folder: Path
) -> None:
    url = f"{demo_system.local_json['base_url']}/api/graphql"

    assert failed_audits(npm_folder, url) == ([], AUDITS)
