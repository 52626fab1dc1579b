"""/api/labels. Derived by `make derive`: routes of your own are in studio/routes."""

from sluice.http.group import group

handler = group("labels")
