"""/api/events and 3 more. Derived by `make derive`: routes of your own are in agency/routes."""

from sluice.http.group import group

handler = group("events")
