"""Source text of SQL: literals without long lines, and SQL inside f-strings."""

from collections.abc import Iterable, Mapping

WIDTH = 80


def constant(name: str, value: object) -> str:
    """Return an assignment of a text, or of a mapping of texts or tuples of texts."""
    return f"{name} = {_literal(value)}\n"


def embedded(sql: str) -> str:
    """Return SQL as it stands in an f-string in triple quotes."""
    sql = sql.replace("\\", "\\\\").replace("{", "{{").replace("}", "}}")
    return sql.replace('"""', '\\"\\"\\"')


def embedded_list(items: Iterable[str], indent: int) -> str:
    """Return a list of SQL expressions in lines that are not too long."""
    lines = [""]
    for item in items:
        if lines[-1] and len(lines[-1]) + len(item) > WIDTH - indent:
            lines.append("")
        lines[-1] += f"{embedded(item)}, "
    separator = "\n" + " " * indent
    return separator.join(line.rstrip() for line in lines).removesuffix(",")


def _literal(value: object, width: int = WIDTH) -> str:
    if isinstance(value, Mapping):
        items = [f"{key!r}: {_literal(item, WIDTH - len(key))}," for key, item in value.items()]
        return "\n".join(["{", *items, "}"])
    if isinstance(value, tuple):
        return f"({', '.join(map(_literal, value))})"
    pieces = list(_pieces(str(value), width))
    lines = "\n".join(map(repr, pieces))
    return lines if len(pieces) == 1 else f"(\n{lines}\n)"


def _pieces(text: str, width: int) -> Iterable[str]:
    """Yield parts of a text that end at spaces, so that each fits into a line."""
    line = ""
    for word in text.split(" "):
        if line and len(line) + len(word) >= width:
            yield f"{line} "
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line
