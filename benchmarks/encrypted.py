"""Measure cold starts and warm requests with TLS to the database, and Sluice's to DynamoDB, too.

The peers do not use DynamoDB. PostgreSQL is the distribution's, because the embedded one has no
TLS. Contenders read few authorities for it, as in RDS's bundle of one AWS Region. For DynamoDB,
Sluice reads those of this machine and one more.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import cold, report, scenarios, warm
from benchmarks.contenders import CONTENDERS
from benchmarks.database import benchmark_database, bindir_with_tls
from benchmarks.modes import Mode
from benchmarks.sizes import Sizes
from local.aws import AwsServer
from local.certificates import create_certificates

ENCRYPTED = "TLS"
SCENARIOS = ("GET one", "list 20", "list 100")


@dataclass(frozen=True, slots=True)
class Encrypted:
    """The results with TLS, by the contender's name, and PostgreSQL's version."""

    cold: Mapping[str, cold.ColdSamples]
    warm: Mapping[str, warm.WarmTimings]
    postgres: str


def measure(aws: AwsServer, sizes: Sizes) -> Encrypted | None:
    """Return the results, or None if there is no PostgreSQL with TLS on this machine."""
    bindir = bindir_with_tls()
    if bindir is None:
        return None
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        certificate = create_certificates(Path(folder))
        size = sizes.encrypted_shop
        with benchmark_database(size, bindir=bindir, certificate=certificate) as database:
            ca_file = str(certificate.chain)
            environ = {
                "DATABASE_CA": ca_file,
                "SLUICE_DB_TLS": "verify-full",
                "SLUICE_DB_CA_FILE": ca_file,
                "AWS_ENDPOINT_URL_DYNAMODB": aws.tls_endpoint,
                "AWS_CA_BUNDLE": aws.ca_file,
            }
            entries = [(contender, scenarios.get_one(1)) for contender in CONTENDERS]
            starts = cold.measure(entries, database.url, sizes.cold_samples, environ)
            events = scenarios.scenarios(database.products)
            chosen = {name: events[name] for name in SCENARIOS}
            modes = [Mode(ENCRYPTED, database.url, environ=environ)]
            times = warm.measure(CONTENDERS, chosen, modes, rounds=sizes.rounds)
            return Encrypted(starts, times, database.version)


def section(results: Encrypted | None) -> list[str]:
    """Return the section of the page."""
    lines = ["## With TLS to the database, and to DynamoDB", ""]
    if results is None:
        return [*lines, "Not measured: no PostgreSQL with TLS (apt-get install postgresql)."]
    return [
        *lines,
        f"On PostgreSQL {results.postgres} of the distribution. Only Sluice uses DynamoDB.",
        "",
        *report.cold_table(results.cold),
        "",
        *report.warm_table(results.warm, ENCRYPTED),
    ]
