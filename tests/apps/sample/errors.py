"""The error of the library."""

from sluice.errors import Conflict


class NoCopies(Conflict):
    code = "no_copies"
    title = "The library has fewer copies"
