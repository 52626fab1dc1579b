"""PostgreSQL's dialect as sqlglot reads it, with nothing made of what was written: a call of a function stays a call.

sqlglot knows hundreds of functions and turns some into others on their way to another database. Here only those whose
arguments are no plain list are known; so the list of allowed names decides about all the rest, and what is run is
what was asked.
"""

import logging
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.generators.postgres import PostgresGenerator
from sqlglot.parsers.postgres import PostgresParser

logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns with the text of what it cannot read


class Analyst(Postgres):
    class Parser(PostgresParser):
        FUNCTIONS: ClassVar = {}
        FUNCTION_PARSERS: ClassVar = {
            name: PostgresParser.FUNCTION_PARSERS[name] for name in ("CAST", "EXTRACT", "SUBSTRING", "TRIM", "POSITION")
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar = {
            name: PostgresParser.NO_PAREN_FUNCTION_PARSERS[name] for name in ("ANY", "CASE")
        }

    class Generator(PostgresGenerator):
        MULTI_ARG_DISTINCT = True  # string_agg(DISTINCT name, ',') is one
        TRANSFORMS: ClassVar = {
            **PostgresGenerator.TRANSFORMS,
            # As it was written. POWER() would bind by sqlglot's precedence, in which -2 ^ 2 is another number.
            exp.Pow: lambda self, node: self.binary(node, "^"),
        }
