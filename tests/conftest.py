"""Load the fixtures, which are in modules of tests/fixtures by subject.

A session has one application. With SLUICE_APP=sample it runs the tests of the engine and the
suites, otherwise everything but the tests of the engine.
"""

import signal

from sluice import application

# A shell starts background jobs with SIGINT ignored, which children inherit. Tests send SIGINT.
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = [
    "tests.fixtures.postgres",
    "tests.fixtures.log_redaction",
    "tests.fixtures.aws",
    "tests.fixtures.tcp_proxy",
    "tests.fixtures.database",
    f"tests.fixtures.{application.current().name}",
    "tests.fixtures.application",
    "tests.fixtures.imports",
    "tests.fixtures.replica",
    "tests.fixtures.local_system",
    "tests.fixtures.recorded_properties",
    "tests.fixtures.early_failures",
]
