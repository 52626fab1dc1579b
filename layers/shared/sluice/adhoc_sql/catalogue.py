"""Declare the tables that ad-hoc SQL may read, and the sizes that the validator needs.

An application registers its Catalogue as `analytics`. Everything that it does not name is rejected.
This module contains data types only: it is imported without the parser.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

BYTES_PER_CHARACTER = 4  # the most that UTF-8 needs


@dataclass(frozen=True, slots=True)
class AnalystColumn:
    """A column of a table.

    bytes: the most bytes of a value as text.
    text: whether the values are text.
    references: the table of a foreign key. The column has at most as many values as that has rows.
    distinct: the number of different values, if it is fixed.
    """

    bytes: int
    text: bool = False
    references: str = ""
    distinct: int | None = None


@dataclass(frozen=True, slots=True)
class AnalystTable:
    """A table: its columns in their order in the database, because `*` stands for all of them.

    keys: the columns of each unique index. At most one row has their values.
    has_tenant: whether each row belongs to a tenant.
    """

    columns: Mapping[str, AnalystColumn]
    keys: tuple[tuple[str, ...], ...]
    has_tenant: bool = False


# A table as plain data: its columns with the values of AnalystColumn, its keys, and True if it has
# rows of tenants.
PlainTable: TypeAlias = (
    tuple[Mapping[str, tuple[Any, ...]], tuple[tuple[str, ...], ...]]
    | tuple[Mapping[str, tuple[Any, ...]], tuple[tuple[str, ...], ...], bool]
)


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """The tables of an application that ad-hoc SQL may read.

    selective_columns: columns in which few rows have the same value, so that a hash join can split
        its rows by them.
    """

    tables: Mapping[str, AnalystTable]
    selective_columns: frozenset[str]

    @classmethod
    def of(
        cls, tables: Mapping[str, PlainTable], *, selective_columns: Iterable[str]
    ) -> "Catalogue":
        """Return the Catalogue of `ANALYST_TABLES` of a registry."""
        made = {
            name: AnalystTable(
                {column: AnalystColumn(*of) for column, of in columns.items()}, *others
            )
            for name, (columns, *others) in tables.items()
        }
        return cls(made, frozenset(selective_columns))

    @property
    def tenant_tables(self) -> frozenset[str]:
        """The tables with rows of tenants."""
        return frozenset(name for name, table in self.tables.items() if table.has_tenant)


def number(references: str = "") -> AnalystColumn:
    """Return a column of numbers."""
    return AnalystColumn(20, references=references)


def time() -> AnalystColumn:
    """Return a column of timestamps."""
    return AnalystColumn(40)


def text(
    max_length: int, *, ascii_only: bool = False, distinct: int | None = None
) -> AnalystColumn:
    """Return a column of texts with at most `max_length` characters."""
    size = max_length if ascii_only else max_length * BYTES_PER_CHARACTER
    return AnalystColumn(size, text=True, distinct=distinct)
