"""/api/categories. Derived by `make derive`: routes of your own are in shop/routes."""

from sluice.http.group import group

handler = group("categories")
