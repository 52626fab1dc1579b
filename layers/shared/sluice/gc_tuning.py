"""SQLAlchemy, imported while the garbage collector rests. Import this before what imports that.

It is half of what a cold start imports, and makes tens of thousands of objects that stay for good. The collector
would go through them again and again meanwhile, to free none, and once more with each of its full rounds later: so it
is told to leave them alone.
"""

import gc

_collects = gc.isenabled()
gc.disable()
try:
    import sqlalchemy.dialects.postgresql.pg8000  # noqa: F401
finally:
    if _collects:
        gc.enable()
gc.freeze()
