"""/api/readers. Derived by `make derive`: routes of your own are in sample/routes."""

from sluice.http.group import group

handler = group("readers")
