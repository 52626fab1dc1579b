"""Load the fixtures, which are in modules of tests/fixtures by subject."""

import signal

# A shell starts background jobs with SIGINT ignored, which children inherit. Tests send SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.log_redaction",
    "tests.fixtures.aws",
    "tests.fixtures.shop",
    "tests.fixtures.imports",
    "tests.fixtures.tcp_proxy",
    "tests.fixtures.replica",
    "tests.fixtures.local_system",
    "tests.fixtures.recorded_properties",
    "tests.fixtures.early_failures",
]
