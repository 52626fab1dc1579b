"""The one error of adopting that a person can act on."""


class AdoptError(Exception):
    """Adopting cannot go on. The message says why, and what to do. It has no password."""
