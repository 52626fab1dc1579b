"""Import SQLAlchemy with the garbage collector off. Import this module before all that uses it.

SQLAlchemy is half of the imports of a cold start, and creates tens of thousands of objects that
are never freed. The collector would scan them again and again during the import, and once more in
each of its later full collections. `gc.freeze()` excludes them from those.
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
