"""Fixtures live in plugins by subject, under fixtures/; this names them."""

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.log_redaction",
    "tests.fixtures.aws",
    "tests.fixtures.shop",
    "tests.fixtures.tcp_proxy",
    "tests.fixtures.replica",
    "tests.fixtures.local_system",
    "tests.fixtures.recorded_properties",
]
