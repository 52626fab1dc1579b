"""Addresses of hosts and networks."""

import re
from ipaddress import ip_interface, ip_network
from typing import ClassVar

from sluice.kinds.field import Field, Schema, or_null, reject

# Python also reads a zone, a network mask, and a prefix length such as 08.
ADDRESS = re.compile(
    r"([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]{1,44})(/(0|[1-9][0-9]{0,2}))?"
)


class Inet(Field):
    """The address of a host, such as 10.0.0.1, and how much of it is the network's: 10.0.0.1/8."""

    sql_type: str = "inet"
    graphql_type: str = "String"
    splits_at_commas: bool = True
    wanted: ClassVar[str] = "must be an address such as 10.0.0.1 or 2001:db8::1/64"

    def read_value(self, value: object, pointer: str) -> object:
        if not isinstance(value, str):
            reject(pointer, "type", "must be a string")
        try:
            return self.parse(value.strip())
        except ValueError as error:
            reject(pointer, "invalid", str(error))

    def parse(self, text: str) -> str:
        if not ADDRESS.fullmatch(text) or not self._is_address(text):
            raise ValueError(self.wanted)
        return text

    def _is_address(self, text: str) -> bool:
        try:
            ip_interface(text)
        except ValueError:
            return False
        return True

    def body_schema(self) -> Schema:
        return self.row_schema()

    def row_schema(self) -> Schema:
        return or_null(self.filter_schema(), nullable=self.nullable)

    def filter_schema(self) -> Schema:
        return {"type": "string", "pattern": f"^({ADDRESS.pattern})$"}

    def bounds(self) -> list[object]:
        return ["0.0.0.0/0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]

    def invalid(self) -> list[tuple[object, str]]:
        texts = ("", "here", "10.0.0", "256.0.0.1", "10.0.0.1/33", "10.0.0.1/08", "::1%eth0", "::g")
        return [(5, "type"), ([], "type"), *((text, "invalid") for text in texts)]

    def sample(self, n: int) -> object:
        return f"10.{n // 65_536 % 256}.{n // 256 % 256}.{n % 256}"


class Cidr(Inet):
    """The address of a network. The bits after those of the network are 0."""

    sql_type: str = "cidr"
    wanted: ClassVar[str] = "must be a network such as 10.0.0.0/8"

    def _is_address(self, text: str) -> bool:
        try:
            ip_network(text)
        except ValueError:
            return False
        return True

    def bounds(self) -> list[object]:
        return ["0.0.0.0/0", "255.255.255.255/32", "::/0"]

    def invalid(self) -> list[tuple[object, str]]:
        return [*super().invalid(), ("10.0.0.1/8", "invalid")]

    def sample(self, n: int) -> object:
        return f"10.{n // 256 % 256}.{n % 256}.0/24"
