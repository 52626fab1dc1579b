"""Import SQLAlchemy with the garbage collector off. Import this module first.

Importing SQLAlchemy takes half of the import time of a cold start, and creates tens of thousands of
objects that are never freed. The collector would scan them many times during the import, and again
in each later full collection. `gc.freeze()` excludes them from later collections.
"""

import gc

_was_enabled = gc.isenabled()
gc.disable()
try:
    import sqlalchemy.dialects.postgresql.pg8000  # noqa: F401
finally:
    if _was_enabled:
        gc.enable()
gc.freeze()
