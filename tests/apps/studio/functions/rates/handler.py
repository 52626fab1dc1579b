"""/api/prices and 2 more. Derived by `make derive`: routes of your own are in studio/routes."""

from sluice.http.group import group

handler = group("rates")
