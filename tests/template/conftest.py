"""These rooms' own fixtures, which no other room needs."""

from tests.fixtures.template import root, template

__all__ = ["root", "template"]
