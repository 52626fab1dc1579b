"""The fixtures of the template tests."""

from tests.fixtures.template import root, template

__all__ = ["root", "template"]
