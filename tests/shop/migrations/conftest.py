"""Fixtures of these tests: a server, and a database with another application in it."""

from tests.fixtures.foreign_database import database, postgres_without_roles, server

__all__ = ["database", "postgres_without_roles", "server"]
