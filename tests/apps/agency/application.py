"""An agency: tables with each kind of key, column and relation. The suites run on it."""

from sluice.application import Application

APPLICATION = Application(
    format=1,
    name="agency",
    functions_folder="tests/apps/agency/functions",
    order=("people", "organisations", "deals", "labels", "notes", "rates", "prices"),
)
