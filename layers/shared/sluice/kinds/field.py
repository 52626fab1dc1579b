"""Field: the base class of all kinds. A kind is the type of a field, in every form that it has.

The other packages ask a kind for their form of it. None of them has a list of the kinds. A kind
imports neither SQLAlchemy nor graphql-core. Kinds are plain classes: defining a dataclass costs
milliseconds of a cold start, and each function would pay for each kind.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, NoReturn, TypedDict, Unpack

from sluice.errors import FieldError, InvalidParameter, ValidationFailed
from sluice.kinds.field_filter import MAX_VALUES as MAX_VALUES
from sluice.kinds.field_filter import FieldFilter as FieldFilter
from sluice.kinds.field_filter import Operator as Operator
from sluice.kinds.field_filter import Schema as Schema
from sluice.kinds.field_filter import boolean_schema, parse_boolean


class DeclarationError(Exception):
    """A declaration contradicts itself, or asks for something that is not served yet."""


class FieldOptions(TypedDict, total=False):
    """What every field can say.

    description: for OpenAPI and GraphQL.
    example: the value in examples. It must be valid. By default each kind makes one.
    nullable: whether the column may be NULL. Then a POST may leave the field out.
    read_only: the database sets it. A value that a client sends is ignored.
    create_only: a POST may set it, later writes ignore it.
    default: the value that a POST without the field stores. It must not be None.
    optional: a POST may leave it out. The database's default or a rule (`before_create`) sets it.
    unique: no two rows have the same value, and an index makes sure of it.
    filter: the operators of the field's query parameters. `equal` is one value, `in` one or
        several: the parameter is repeated. `range` has a parameter for each bound: `<name>_min` and
        `<name>_max`, or `<name>_after` and `<name>_before` of a time. `prefix` is the start of a
        text, `has` an item of an array, `contains` a part of a JSON value, `is_null` true or false.
        An index should answer them.
    filter_name: the start of the parameters' names, if it is not the field's name.
    sort: whether lists can be sorted by the field.
    search: whether `?search=` reads the field, a text.
    column: the name of the column, if it is not the field's name.
    type: the type of the column, if it is not that of the kind, such as an enum. Of a domain, its
        base type.
    expand: whether `?expand=` returns the row that a foreign key references.
    unindexed: whether its filters and sorts need no index, because the table is small.
    """

    description: str
    example: object
    nullable: bool
    read_only: bool
    create_only: bool
    default: object
    optional: bool
    unique: bool
    filter: Operator | Sequence[Operator]
    filter_name: str
    sort: bool
    search: bool
    column: str
    type: str
    expand: bool
    unindexed: bool


class Reference(NamedTuple):
    """What a foreign key references. See kinds/ref.py.

    resource: the name of the other resource.
    relation: the name in `?expand=` and in GraphQL.
    key: the column itself, a field of the kind of the other resource's key.
    by: the other resource's field that clients see instead of its key; empty for the key.
    """

    resource: str
    relation: str
    key: "Field"
    by: str


class Field:
    """A field of a resource. The subclasses are the kinds; each has a file in this package."""

    sql_type: str  # of a bound value, a cursor and a staged column
    graphql_type: str
    orm_type: ClassVar[str] = ""  # the name of SQLAlchemy's type, if it has one for all databases
    is_text: ClassVar[bool] = False
    is_key: ClassVar[bool] = False  # whether it can be a key
    splits_at_commas: bool = False  # no value has a comma, so `in` can separate values by it
    choices: tuple[str, ...] = ()  # the only values; in GraphQL an enum
    distinct: int | None = None  # the number of different values, if it is fixed
    reference: Reference | None = None
    resource: str = ""  # of a list of another table's rows: the resource of that table
    filter_operators: ClassVar[tuple[Operator, ...]] = ("equal", "in", "range", "is_null")
    range_filters: ClassVar[tuple[tuple[str, str], ...]] = (("_min", ">="), ("_max", "<="))

    def __init__(self, name: str, **options: Unpack[FieldOptions]) -> None:
        operators = options.get("filter", ())
        self.name = name
        self.column = options.get("column", name)
        self.description = options.get("description", "")
        self.declared_example = options.get("example")
        self.nullable = options.get("nullable", False)
        self.read_only = options.get("read_only", False)
        self.create_only = options.get("create_only", False)
        self.default = options.get("default")
        self.optional = options.get("optional", False)
        self.unique = options.get("unique", False)
        self.operators = (operators,) if isinstance(operators, str) else tuple(operators)
        self.filter_name = options.get("filter_name", name)
        self.sort = options.get("sort", False)
        self.search = options.get("search", False)
        self.expand = options.get("expand", True)
        self.unindexed = options.get("unindexed", False)
        if "type" in options:
            self.sql_type = options["type"]
        contradictions = list(self._contradictions())
        if contradictions:
            raise DeclarationError(f"{self!r}: {'; '.join(contradictions)}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def _contradictions(self) -> Iterator[str]:
        """Yield what the options say that cannot be, with the remedy."""
        unknown = set(self.operators) - set(self.filter_operators)
        if unknown:
            kind = f"{type(self).__name__} has {', '.join(self.filter_operators) or 'none'}"
            yield f"no such filter: {', '.join(sorted(unknown))}; {kind}"
        if {"equal", "in"} <= set(self.operators):
            yield "the filter `in` also takes one value: remove `equal`"
        if "is_null" in self.operators and not self.nullable:
            yield "only a `nullable` field has the filter `is_null`"
        if self.search and not self.is_text:
            yield "`search` finds words, so only a text has it"
        if self.read_only and (self.create_only or self.optional or self.default is not None):
            yield "no client sends a `read_only` field: remove `create_only`, `optional`, `default`"
        if self.optional and self.default is not None:
            yield "`optional` leaves the value to the database: remove it, or `default`"

    @property
    def required(self) -> bool:
        """Whether a POST must have the field."""
        free = self.read_only or self.nullable or self.optional or self.default is not None
        return not free

    @property
    def example(self) -> object:
        """The value in examples."""
        return self.sample(1) if self.declared_example is None else self.declared_example

    @property
    def in_table(self) -> bool:
        """Whether the field is a column of the resource's own table."""
        return "." not in self.column

    @property
    def accepts_null(self) -> bool:
        """Whether a request and a row may have null."""
        return self.nullable

    @property
    def needs_column_sql(self) -> bool:
        """Whether the repository must have the SQL of the field: another table has the value."""
        return not self.in_table or (self.reference is not None and self.reference.by != "")

    # A request body.

    def read(self, value: object, pointer: str) -> object:
        """Return the value for the database. Raise ValidationFailed with `pointer`."""
        if value is None and self.nullable:
            return None
        return self.read_value(value, pointer)

    def default_value(self) -> object:
        """Return the default as `read` returns it; None without one."""
        return None if self.default is None else self.read(self.default, "")

    def read_value(self, value: object, pointer: str) -> object:
        """Return a value that is not null, as `read` does."""
        raise NotImplementedError

    # A path, a query string, a CSV file.

    def parse(self, text: str) -> object:
        """Return the value of a path or of a filter. Raise ValueError with the reason."""
        raise NotImplementedError

    def parse_path(self, text: str) -> object:
        """Return the value of a path. Raise InvalidParameter, or NotFound if no row can have it."""
        try:
            return self.parse(text)
        except ValueError as error:
            invalid = FieldError("invalid", str(error), parameter=self.name)
            raise InvalidParameter(errors=[invalid]) from None

    def parse_csv(self, text: str) -> object:
        """Return the JSON value that `text` in a CSV file stands for; `read` then checks it."""
        return text

    def parse_id(self, text: str) -> object:
        """Return the value of a key in GraphQL. Raise ValueError if no row can have it."""
        return self.parse(text)

    def parse_filter(self, text: str) -> object:
        """Return the value to bind of a filter. Raise ValueError with the reason."""
        return self.to_sql(self.parse(text))

    def parse_item(self, text: str) -> object:
        """Return the value to bind of one value of an `in` filter. Raise ValueError."""
        return self.parse_filter(text)

    def filters(self) -> dict[str, FieldFilter]:
        """Return the filters by the names of their parameters."""
        return {
            name: declared
            for operator in self.operators
            for name, declared in self.filters_of(operator).items()
        }

    def filters_of(self, operator: Operator) -> dict[str, FieldFilter]:
        """Return the filters of an operator by the names of their parameters."""
        name = self.filter_name
        compared = self.sort_key("{column}")
        match operator:
            case "equal":
                return {name: self._filter(f"{compared} = {self.filter_value(name)}")}
            case "in":
                condition = f"{compared} = ANY({self.filter_values(name)})"
                commas = self.splits_at_commas
                declared = FieldFilter(condition, self.parse_item, self.list_schema)
                single = f"{compared} = {self.filter_value(name)}"
                declared = declared._replace(single_value_condition=single)
                return {name: declared._replace(many=True, splits_at_commas=commas)}
            case "range":
                return {
                    name + suffix: self._filter(
                        f"{compared} {comparison} {self.filter_value(name + suffix)}"
                    )
                    for suffix, comparison in self.range_filters
                }
            case "is_null":
                is_null = FieldFilter("{column} IS NULL", parse_boolean, boolean_schema)
                opposite = "{column} IS NOT NULL"
                return {f"{name}_is_null": is_null._replace(false_condition=opposite)}
        raise NotImplementedError(operator)

    def _filter(self, condition: str) -> FieldFilter:
        return FieldFilter(condition, self.parse_filter, self.filter_schema)

    # SQL.

    def to_sql(self, value: Any) -> object:
        """Return a value that `read` or `parse` has returned as it is bound, or written by COPY."""
        return value

    def to_sql_or_null(self, value: object) -> object:
        """Return a value as it is bound; None for NULL."""
        return None if value is None else self.to_sql(value)

    @property
    def needs_text(self) -> bool:
        """Whether a value must pass `to_sql` before it is bound: its text differs."""
        return type(self).to_sql is not Field.to_sql

    def bind(self, parameter: str) -> str:
        """Return the SQL of a bound value."""
        return f"CAST(:{parameter} AS {self.sql_type})"

    def bind_list(self, parameter: str) -> str:
        """Return the SQL of a bound list of values."""
        return f"CAST(:{parameter} AS {self.sql_type}[])"

    def filter_value(self, parameter: str) -> str:
        """Return the SQL of a bound value that `sort_key` of the column is compared with."""
        return self.bind(parameter)

    def filter_values(self, parameter: str) -> str:
        """Return the SQL of a bound list of such values."""
        return self.bind_list(parameter)

    def select(self, column: str) -> str:
        """Return the SQL that makes the JSON value of a column."""
        return column

    def cursor(self, column: str) -> str:
        """Return the SQL that writes a sort key into the JSON of a cursor.

        No setting of the session, such as DateStyle or TimeZone, may change it.
        """
        return f"{column}::text"

    def from_cursor(self, parameter: str) -> str:
        """Return the SQL of a sort key that a cursor has."""
        return f"CAST(:{parameter} AS {self.sql_type})"

    def sort_key(self, column: str) -> str:
        """Return the SQL that lists are sorted by. An index must have the same expression."""
        return column

    def trusted(self, column: str) -> str:
        """Return the SQL condition that a staged text is valid as it is. COPY then needs no Python.

        It may reject valid values, which Python then reads, but never accept an invalid one.
        """
        return "false"

    def ddl(self) -> str:
        """Return the type for a new column."""
        return self.sql_type

    def check(self, column: str) -> str:
        """Return the CHECK condition for a new column; empty if `read` accepts all its values.

        It accepts the values that `read` returns. It does not look for white space at the ends of
        a text, which `read` removes, nor for a pattern that PostgreSQL may read differently.
        """
        return ""

    # OpenAPI, GraphQL, SQLAlchemy, ad-hoc SQL, tests.

    def body_schema(self) -> Schema:
        """Return the JSON Schema of the value in a request body."""
        raise NotImplementedError

    @property
    def graphql_input_type(self) -> str:
        """The type in GraphQL's inputs."""
        return self.graphql_type

    def row_schema(self) -> Schema:
        """Return the JSON Schema of the value in a response."""
        raise NotImplementedError

    def row_example(self, known: object) -> object:
        """Return the value in an example of a response. `known` is that in the request, or None."""
        return self.example if known is None else known

    def filter_schema(self) -> Schema:
        """Return the JSON Schema of one value in a query string."""
        return self.body_schema()

    def path_schema(self) -> Schema:
        """Return the JSON Schema of the value in a path."""
        return self.filter_schema()

    def list_item_schema(self) -> Schema:
        """Return the JSON Schema of one value of an `in` filter."""
        return self.filter_schema()

    def list_schema(self) -> Schema:
        """Return the JSON Schema of the values of an `in` filter."""
        items = {"type": "array", "items": self.list_item_schema()}
        return items | {"minItems": 1, "maxItems": MAX_VALUES}

    def orm(self, types: Any) -> Any:
        """Return SQLAlchemy's type of the column, or None. `types` is the package `sqlalchemy`."""
        return getattr(types, self.orm_type)() if self.orm_type else None

    def analyst_bytes(self) -> int:
        """Return the largest size of a value as text, for the estimate of an ad-hoc query."""
        raise DeclarationError(f"{self!r}: analysts cannot query such a column: no `analytics`")

    def sample(self, n: int) -> object:
        """Return the JSON value of the nth row, for tests and examples; n is from 1.

        Different n give different values, as far as the kind has them."""
        raise NotImplementedError

    def bounds(self) -> list[object]:
        """Return valid JSON values at the bounds, such as the longest text, for tests."""
        return []

    def invalid(self) -> list[tuple[object, str]]:
        """Return JSON values that `read` rejects, with the code of each error, for tests.

        They are next to the bounds, of another form, or of another type. Null is not among them.
        """
        raise NotImplementedError


def or_null(schema: Schema, *, nullable: bool) -> Schema:
    """Return the schema of a value that may be null."""
    return schema | {"type": [schema["type"], "null"]} if nullable else schema


def reject(pointer: str, code: str, message: str) -> NoReturn:
    """Raise ValidationFailed for one field of a body."""
    raise ValidationFailed(errors=[FieldError(code, message, pointer=pointer)])
