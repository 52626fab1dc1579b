"""Text, and what is stored as text: Email, Slug."""

import re
from collections.abc import Iterator, Sequence
from itertools import count, islice
from string import ascii_lowercase, ascii_uppercase, digits
from typing import ClassVar, Unpack

from sluice.errors import FieldError, InvalidParameter, NotFound
from sluice.kinds.field import (
    DeclarationError,
    Field,
    FieldFilter,
    FieldOptions,
    Operator,
    Schema,
    or_null,
    reject,
)

BYTES_PER_CHARACTER = 4  # the most that UTF-8 needs
MAX_TEXT_BYTES = 1_048_576  # of a body, so of a text without max_length
MAX_EMAIL = 254  # characters (RFC 5321)
MAX_SLUG = 200
MAX_FILTER = 200  # characters of a filter on a text without max_length
NOT_BLANK = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
NO_NUL = r"^[^\u0000]*$"
SURROGATE = re.compile("[\ud800-\udfff]")
# The characters that Python's str.strip removes, and other control characters, for a bracket
# expression of PostgreSQL. A staged text that begins or ends with one is read by Python.
SPACE = r"\u0001-\u0020\u007f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
CONTROL = r"\u0080-\u009f"  # those that are not in SPACE
# A pattern of such parts means the same to PostgreSQL and to Python: a character, or one of some,
# and how often. Others may differ, such as `.` and `\w`, or may be invalid in PostgreSQL.
PORTABLE = r"((\[[A-Za-z0-9_.@, -]+\]|[A-Za-z0-9_@, -])([*+?]|\{[0-9]{1,2}(,[0-9]{1,2})?\})?)+"
# The characters of the same set, from each character on: `b` is followed by c to z, then a.
ALIKE = {
    character: letters[at:] + letters[:at]
    for letters in (ascii_lowercase, ascii_uppercase, digits)
    for at, character in enumerate(letters)
}
MAX_REPETITION = 255  # in a regular expression of PostgreSQL


class Text(Field):
    """A text without leading and trailing white space. Lengths are in characters.

    pattern: a regular expression that the whole text matches. Then the field needs an example.
    ignore_case: compared, sorted and unique without regard to case, by lower(column).
    """

    sql_type: str = "text"
    graphql_type: str = "String"
    orm_type: ClassVar[str] = "Text"
    is_text: ClassVar[bool] = True
    is_key: ClassVar[bool] = True
    filter_operators: ClassVar[tuple[Operator, ...]] = (
        *Field.filter_operators,
        "prefix",
    )

    def __init__(
        self,
        name: str,
        *,
        min_length: int = 0,
        max_length: int | None = None,
        pattern: str = "",
        ignore_case: bool = False,
        **options: Unpack[FieldOptions],
    ) -> None:
        super().__init__(name, **options)
        self.min_length = min_length
        self.max_length = max_length
        self.pattern = pattern
        self.ignore_case = ignore_case

    def read_value(self, value: object, pointer: str) -> object:
        if not isinstance(value, str):
            reject(pointer, "type", "must be a string" + (" or null" if self.nullable else ""))
        text = value.strip()
        if len(text) < self.min_length:
            reject(pointer, "too_short", f"must have at least {self.min_length} character")
        if self.max_length is not None and len(text) > self.max_length:
            message = f"must have at most {self.max_length} characters, not {len(text)}"
            reject(pointer, "too_long", message)
        if "\0" in text:
            reject(pointer, "invalid", "must not contain NUL characters")
        if SURROGATE.search(text):
            reject(pointer, "invalid", "must not contain unpaired surrogates")
        if self.pattern and not re.fullmatch(self.pattern, text, re.ASCII):
            reject(pointer, "invalid", f"must match {self.pattern}")
        return text

    def parse(self, text: str) -> str:
        longest = self.max_length or MAX_FILTER
        if not text.strip():
            raise ValueError("must not be empty")
        if len(text) > longest:
            raise ValueError(f"must have at most {longest} characters")
        return _storable(text)

    def parse_path(self, text: str) -> object:
        """Return the text as it is: a key may be empty or end in a space."""
        try:
            _storable(text)
        except ValueError as error:
            invalid = FieldError("invalid", str(error), parameter=self.name)
            raise InvalidParameter(errors=[invalid]) from None
        if self.max_length is not None and len(text) > self.max_length:
            raise NotFound
        return text

    def parse_id(self, text: str) -> object:
        if self.max_length is not None and len(text) > self.max_length:
            raise ValueError(f"must have at most {self.max_length} characters")
        return _storable(text)

    def filters_of(self, operator: Operator) -> dict[str, FieldFilter]:
        if operator != "prefix":
            return super().filters_of(operator)
        name = f"{self.filter_name}_prefix"
        condition = self.starts_with(f":{name}")
        return {name: FieldFilter(condition, self._parse_prefix, self.filter_schema)}

    def starts_with(self, pattern: str) -> str:
        """Return the SQL condition that `{column}` is like a pattern."""
        if self.ignore_case:
            return f"lower({{column}}) LIKE lower(CAST({pattern} AS text))"
        return f"{{column}} LIKE {pattern}"

    def _parse_prefix(self, text: str) -> str:
        """Return the pattern of the texts that begin with `text`."""
        return re.sub(r"([\\%_])", r"\\\1", str(Text.parse(self, text))) + "%"

    def bind(self, parameter: str) -> str:
        return f":{parameter}"  # its type is the column's, so that citext keeps ignoring case

    def bind_list(self, parameter: str) -> str:
        return f":{parameter}"

    def filter_value(self, parameter: str) -> str:
        value = self.bind(parameter)
        return f"lower(CAST({value} AS text))" if self.ignore_case else value

    def filter_values(self, parameter: str) -> str:
        values = self.bind_list(parameter)
        if not self.ignore_case:
            return values
        return f"ARRAY(SELECT lower(v) FROM unnest(CAST({values} AS text[])) v)"

    def sort_key(self, column: str) -> str:
        return f"lower({column})" if self.ignore_case else column

    def trusted(self, column: str) -> str:
        if not self._is_portable:
            return "false"
        longest = self.max_length or MAX_TEXT_BYTES // BYTES_PER_CHARACTER
        length = f"char_length({column}) BETWEEN {self.min_length} AND {longest}"
        matches = f" AND {column} ~ '^({self.pattern})$'" if self.pattern else ""
        return f"{length} AND {column} !~ '^[{SPACE}]|[{SPACE}]$'{matches}"

    def check(self, column: str) -> str:
        conditions = []
        if self.max_length is not None:
            length = f"BETWEEN {self.min_length} AND {self.max_length}"
            conditions.append(f"char_length({column}) {length}")
        elif self.min_length:
            conditions.append(f"char_length({column}) >= {self.min_length}")
        if self.pattern and self._is_portable:
            conditions.append(f"{column} ~ '^({self.pattern})$'")
        return " AND ".join(conditions)

    def body_schema(self) -> Schema:
        longest = {} if self.max_length is None else {"maxLength": self.max_length}
        pattern = NOT_BLANK if self.min_length else NO_NUL
        if self.pattern:
            pattern = f"^{self.pattern}$"
        schema = {"type": "string", "minLength": self.min_length, **longest, "pattern": pattern}
        return or_null(schema, nullable=self.nullable)

    def row_schema(self) -> Schema:
        return or_null({"type": "string"}, nullable=self.nullable)

    def filter_schema(self) -> Schema:
        longest = self.max_length or MAX_FILTER
        return {"type": "string", "minLength": 1, "maxLength": longest, "pattern": NOT_BLANK}

    def analyst_bytes(self) -> int:
        return (self.max_length or MAX_TEXT_BYTES // BYTES_PER_CHARACTER) * BYTES_PER_CHARACTER

    def bounds(self) -> list[object]:
        if self.pattern:
            return [self.example]
        longest = [] if self.max_length is None else ["x" * self.max_length, "😀" * self.max_length]
        return ["x" * self.min_length, *longest]

    def invalid(self) -> list[tuple[object, str]]:
        bad: list[tuple[object, str]] = [(5, "type"), (True, "type"), ([], "type"), ({}, "type")]
        bad += [("half \0", "invalid"), ("half \ud83d", "invalid")] if self._holds(6) else []
        if self.min_length:
            bad += [("", "too_short"), (" " * self.min_length, "too_short")]
        if self.max_length is not None:
            bad.append(("x" * (self.max_length + 1), "too_long"))
        if self.pattern:
            texts = (text for text in ("-", "a", "A", "0", "é", "a b") if self._holds(len(text)))
            wrong = [text for text in texts if not re.fullmatch(self.pattern, text, re.ASCII)]
            bad += [(text, "invalid") for text in wrong]
        return bad

    def sample(self, n: int) -> object:
        if self.pattern:
            return next(islice(self._like_the_example(), n - 1, None))
        text = f"{self.name} {n}"
        if self.max_length is not None and len(text) > self.max_length:
            text = str(n)[-self.max_length :]
        return text.ljust(self.min_length, "x")

    @property
    def _is_portable(self) -> bool:
        """Whether the pattern means the same to PostgreSQL and to Python."""
        return re.fullmatch(PORTABLE, self.pattern or "-") is not None

    def _holds(self, length: int) -> bool:
        """Return whether texts of this length are within the bounds."""
        return self.min_length <= length and (self.max_length is None or length <= self.max_length)

    def _like_the_example(self) -> Iterator[str]:
        """Yield the example, then texts with other letters and digits that match the pattern."""
        if self.declared_example is None:
            raise DeclarationError(f"{self!r}: a text with a pattern needs an example")
        sets = [ALIKE.get(character, character) for character in str(self.declared_example)]
        for number in count():
            text = _combination(sets, number)
            if re.fullmatch(self.pattern, text, re.ASCII):
                yield text


def _combination(sets: Sequence[str], number: int) -> str:
    """Return a text with a character of each set. The last one changes with each number."""
    text = ""
    for characters in reversed(sets):
        number, at = divmod(number, len(characters))
        text = characters[at] + text
    return text


def _storable(text: str) -> str:
    """Return the text. Raise ValueError if PostgreSQL cannot store it."""
    if "\0" in text:
        raise ValueError("must not contain NUL characters")
    if SURROGATE.search(text):
        raise ValueError("must not contain unpaired surrogates")
    return text


class Email(Text):
    """A plausible email address. Whether it exists is known only after sending mail to it.

    `address` has the shortest one, so there is no minimum length.
    """

    parse_path = Field.parse_path
    parse_id = Field.parse_id
    address: ClassVar[re.Pattern[str]] = re.compile(
        r"[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+"
    )

    def __init__(self, name: str, *, ignore_case: bool = False, **options: Unpack[FieldOptions]):
        super().__init__(
            name, min_length=1, max_length=MAX_EMAIL, ignore_case=ignore_case, **options
        )

    def read_value(self, value: object, pointer: str) -> object:
        text = super().read_value(value, pointer)
        if not self.address.fullmatch(str(text)):
            reject(pointer, "invalid", "must be an email address, with one @ and no spaces")
        return text

    def parse(self, text: str) -> str:
        if not self.address.fullmatch(str(super().parse(text))):
            raise ValueError("must be an email address; encode a + in it as %2B")
        return text

    def trusted(self, column: str) -> str:
        return f"char_length({column}) <= {self.max_length} AND {column} ~ '^[!-?A-~]+@[!-?A-~]+$'"

    def check(self, column: str) -> str:
        is_address = f"{column} ~ '^[^@]+@[^@]+$' AND {column} !~ '[{SPACE}{CONTROL}]'"
        return f"char_length({column}) <= {self.max_length} AND {is_address}"

    def body_schema(self) -> Schema:
        return or_null(self.filter_schema(), nullable=self.nullable)

    def filter_schema(self) -> Schema:
        return {"type": "string", "format": "email", "maxLength": self.max_length}

    def bounds(self) -> list[object]:
        return ["a@b", "a@" + "b" * (MAX_EMAIL - 2)]

    def invalid(self) -> list[tuple[object, str]]:
        texts = ("ada", "ada@", "@b", "a@b@c", "a b@c", "a\r\nBcc:@b", "a\x1b@b")
        return [*super().invalid(), *((text, "invalid") for text in texts)]

    def sample(self, n: int) -> object:
        return f"{self.name}{n}@example.com"


class Slug(Text):
    """A name in URLs: a to z, 0 to 9 and -."""

    splits_at_commas: bool = True
    parse_path = Field.parse_path
    parse_id = Field.parse_id

    def __init__(
        self, name: str, *, max_length: int = MAX_SLUG, **options: Unpack[FieldOptions]
    ) -> None:
        super().__init__(name, min_length=1, max_length=max_length, pattern="[a-z0-9-]+", **options)

    def parse(self, text: str) -> str:
        if not re.fullmatch(rf"[a-z0-9-]{{1,{self.max_length}}}", text):
            raise ValueError("must be slugs of a-z, 0-9 and -, separated by commas")
        return text

    def trusted(self, column: str) -> str:
        longest = min(self.max_length or 0, MAX_REPETITION)
        return f"{column} ~ '^[a-z0-9-]{{1,{longest}}}$'"

    def filter_schema(self) -> Schema:
        return {"type": "string", "pattern": f"^[a-z0-9-]{{1,{self.max_length}}}$"}

    def analyst_bytes(self) -> int:
        return self.max_length or 0  # ASCII: a byte a character

    def bounds(self) -> list[object]:
        return ["a", "a" * (self.max_length or 0)]

    def sample(self, n: int) -> object:
        return f"{self.name}-{n}".replace("_", "-")
