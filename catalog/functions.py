"""The functions of the database that are about one row, and why others are not served."""

import re
from collections import Counter
from collections.abc import Sequence

from catalog.draft import Refusal
from catalog.expression import Expression, Name, source
from catalog.kinds import NoKind, kind_of, named, resolved
from catalog.names import snake_case, unique
from catalog.snapshot import DatabaseFunction, FunctionArgument, Snapshot, TypeReference
from catalog.tables import AdoptedTable

FUNCTION = Name("sluice.resource", "Function")
ROW, ROWS, NOTHING = "row", "rows", ""
PREFIX = re.compile(r"^(p|in|arg|v|_)?_+")  # that some people give to arguments
WIDER = (("int2", "int4"), ("int2", "int8"), ("int4", "int8"), ("varchar", "text"))
WITHOUT_ROUTE = ("trigger", "event_trigger", "internal", "language_handler", "fdw_handler")
REMEDY = "a route of your own, or another function that calls it"


class Functions:
    """The functions in the schemas of the adopted tables.

    served: by the name of the table, the functions on its rows with their declarations.
    not_served: the others, with the reason and the line to add.
    """

    def __init__(self, snapshot: Snapshot, tables: Sequence[AdoptedTable]) -> None:
        schemas = {each.table.schema for each in tables}
        self._snapshot = snapshot
        self._by_key_type = _by_key_type(tables)
        functions = [
            function
            for function in snapshot.functions
            if function.schema in schemas and not self._is_of_the_server(function)
        ]
        self._counts = Counter(function.qualified for function in functions)
        self.served: dict[str, list[tuple[DatabaseFunction, Expression]]] = {}
        self.not_served: list[Refusal] = []
        for function in functions:
            self._add(function)

    def _add(self, function: DatabaseFunction) -> None:
        """Find the table of whose rows the function is, or why it is not served."""
        fitting = self._fitting(function)
        own = next((each for each in fitting if _is_about(function, each)), None)
        declared = None if own is None else self.declaration(function, own)
        reason = self._refusal(function)
        if reason is None and own is None:
            reason = "its first argument is no key of an adopted table"
        elif reason is None and isinstance(declared, NoKind):
            reason = declared.reason
        if reason is None and own is not None and isinstance(declared, Expression):
            self.served.setdefault(own.table.qualified, []).append((function, declared))
            return
        example = own or next(iter(fitting), None)
        line = "" if example is None else self._line(function, example)
        self.not_served.append(Refusal(_signature(function), str(reason), line or REMEDY))

    def _fitting(self, function: DatabaseFunction) -> list[AdoptedTable]:
        """Return the tables whose key the first arguments can be."""
        if not function.arguments:
            return []
        name = function.arguments[0].type.qualified
        names = [name, *(f"pg_catalog.{key}" for key, wider in WIDER if wider == name[11:])]
        tables = [each for key in names for each in self._by_key_type.get(key, ())]
        return [each for each in tables if _takes_key(function, each)]

    def declaration(self, function: DatabaseFunction, each: AdoptedTable) -> Expression | NoKind:
        """Return the `Function` of a resource, or why it cannot be declared."""
        arguments = []
        taken: set[str] = set()
        for argument in function.arguments[len(each.key) :]:
            if argument.has_default:
                break  # a missing value would be NULL, not the default
            kind = self._kind(argument.type)
            if isinstance(kind, NoKind):
                return NoKind(f"of the argument {argument.name}, {kind.reason}")
            if not argument.name:
                return NoKind("its arguments have no names")
            field = unique(snake_case(PREFIX.sub("", argument.name)), taken)
            taken.add(field)
            arguments.append(named(kind, field))
        options: dict[str, object] = {"arguments": arguments} if arguments else {}
        returns = self._returns(function, each)
        if isinstance(returns, NoKind):
            return returns
        if returns != ROW:
            options["returns"] = returns
        if function.volatility != "v":
            options["stable"] = True
        return Expression(FUNCTION, (snake_case(function.name), function.qualified), options)

    def _returns(self, function: DatabaseFunction, each: AdoptedTable) -> Expression | NoKind | str:
        returns = function.returns
        if returns is None:
            return NoKind("it returns nothing that can be shown")
        if returns.qualified == each.table.qualified and not returns.is_array:
            if function.returns_set and function.volatility == "v":
                return NoKind("it writes and returns several rows")
            return ROWS if function.returns_set else ROW
        if function.returns_set:
            return NoKind("it returns several rows that are not those of the table")
        if returns.is_builtin and returns.name == "void":
            is_read = function.volatility != "v"
            return NoKind("it only reads, and returns nothing") if is_read else NOTHING
        if returns.qualified in self._snapshot.tables_by_name:
            return NoKind(f"it returns a row of {returns.qualified}")
        kind = self._kind(returns)
        if isinstance(kind, NoKind):
            return NoKind(f"of what it returns, {kind.reason}")
        return named(kind, snake_case(function.name)).having(nullable=True)

    def _is_of_the_server(self, function: DatabaseFunction) -> bool:
        """Return whether the server calls it, as for a trigger, or makes the values of a range."""
        returns = function.returns
        if returns is None:
            return False
        if returns.is_builtin:
            return returns.name in WITHOUT_ROUTE
        definition = self._snapshot.types_by_name.get(returns.qualified)
        is_of_range = definition is not None and definition.kind in ("r", "m")
        return is_of_range and function.qualified == returns.qualified

    def _kind(self, type_: TypeReference) -> Expression | NoKind:
        return kind_of(resolved(type_, self._snapshot).type, self._snapshot)

    def _refusal(self, function: DatabaseFunction) -> str | None:
        modes = {argument.mode for argument in function.arguments}
        if function.kind != "f":
            kinds = {"p": "a procedure", "a": "an aggregate", "w": "a window function"}
            return f"it is {kinds[function.kind]}"
        if self._counts[function.qualified] > 1:
            return "there are several functions of this name"
        if modes - {"i"}:
            return "it has VARIADIC or OUT arguments"
        if function.is_security_definer:
            return "it is SECURITY DEFINER: it has the privileges of its owner"
        return None

    def _line(self, function: DatabaseFunction, each: AdoptedTable) -> str:
        """Return the declaration in the resource, if the function can be called at all."""
        is_single = self._counts[function.qualified] == 1 and function.kind == "f"
        if not is_single or any(argument.mode != "i" for argument in function.arguments):
            return ""
        declared = self.declaration(function, each)
        if isinstance(declared, NoKind):
            return ""
        return f"{source(declared)} in `relations` of {each.name}"


def _by_key_type(tables: Sequence[AdoptedTable]) -> dict[str, list[AdoptedTable]]:
    """Return the tables by the type of the first column of the key."""
    found: dict[str, list[AdoptedTable]] = {}
    for each in tables:
        found.setdefault(each.table.by_name[each.key[0]].type.qualified, []).append(each)
    return found


def _is_about(function: DatabaseFunction, each: AdoptedTable) -> bool:
    """Return whether the function returns rows of the table, or names its key."""
    returns = function.returns
    is_row = returns is not None and returns.qualified == each.table.qualified
    return is_row or _names_key(function.arguments, each)


def _takes_key(function: DatabaseFunction, each: AdoptedTable) -> bool:
    """Return whether the first arguments have the types of the key."""
    if len(function.arguments) < len(each.key) or not each.key:
        return False
    return all(
        _fits(each.table.by_name[column].type, argument.type)
        for column, argument in zip(each.key, function.arguments, strict=False)
    )


def _fits(column: TypeReference, argument: TypeReference) -> bool:
    if column.is_array or argument.is_array:
        return False
    is_same = column.qualified == argument.qualified
    return is_same or (column.is_builtin and (column.name, argument.name) in WIDER)


def _names_key(arguments: Sequence[FunctionArgument], each: AdoptedTable) -> bool:
    """Return whether the names of the first arguments are those of the key of the table."""
    names = [snake_case(PREFIX.sub("", argument.name)) for argument in arguments]
    fields = [each.fields[column] for column in each.key]
    table = snake_case(each.table.name)
    prefixes = {each.singular, table, each.name}
    if len(fields) == 1:
        (field,) = fields
        wanted = {*prefixes, *(f"{prefix}_id" for prefix in prefixes)}
        wanted |= {f"{prefix}_{field}" for prefix in prefixes}
        wanted |= {field} if field not in ("id", "name", "code", "key") else set()
        return names[0] in wanted
    return all(
        name in {field, *(f"{prefix}_{field}" for prefix in prefixes)}
        for name, field in zip(names, fields, strict=False)
    )


def _signature(function: DatabaseFunction) -> str:
    arguments = ", ".join(
        f"{argument.name} {argument.type.sql}".strip() for argument in function.arguments
    )
    return f"{function.qualified}({arguments})"
