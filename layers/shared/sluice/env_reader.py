"""Read environment variables and collect every problem, so that one deployment shows them all."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
C = TypeVar("C", bound=str)

_RATE_TIER = re.compile(r"\s*([a-z][a-z0-9_-]*)=([1-9]\d{0,8})/([1-9]\d{0,4})\s*", re.ASCII)


class EnvReader:
    """Reads one variable at a time. An invalid one is added to `problems`, and its default used."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, name: str, *, default: str | None = None) -> str:
        """Return the value without surrounding space. Without `default` it is required."""
        value = self._environ.get(name, "").strip()
        if value or default is not None:
            return value or default or ""
        self.problems.append(f"{name} is not set")
        return ""

    def integer(self, name: str, *, default: int, limits: tuple[int, int]) -> int:
        """Return a whole number from `limits[0]` to `limits[1]`, both inclusive."""
        min_value, max_value = limits
        return self._number(
            name,
            int,
            default,
            lambda n: min_value <= n <= max_value,
            f"a whole number from {min_value} to {max_value}",
        )

    def megabytes(self, name: str, *, default: int) -> int:
        """Return a size in bytes, as `default` is. The variable is in mebibytes."""
        return self.integer(name, default=default // 1024**2, limits=(1, 1_048_576)) * 1024**2

    def seconds(self, name: str, *, default: float) -> float:
        """Return a number of seconds, above 0 and at most 900."""
        return self._number(
            name, float, default, lambda n: 0 < n <= 900, "seconds, above 0 and at most 900"
        )

    def rate_tiers(
        self, name: str, *, default: Mapping[str, tuple[int, int]]
    ) -> Mapping[str, tuple[int, int]]:
        """Read `default=100/60,partner=1000/60`: for each tier, its requests and seconds."""
        raw = self.text(name, default="")
        if not raw:
            return default
        tiers = {}
        for part in raw.split(","):
            match = _RATE_TIER.fullmatch(part)
            if match is None:
                self.problems.append(
                    f"{name} must be tiers such as default=100/60, not {part.strip()!r}"
                )
            else:
                tiers[match[1]] = (int(match[2]), int(match[3]))
        if "default" not in tiers:
            self.problems.append(f"{name} must contain the tier default")
        return tiers

    def choice(self, name: str, choices: tuple[C, ...], *, default: C) -> C:
        """Return one of `choices`."""
        raw = self.text(name, default="")
        for choice in choices:
            if raw == choice:
                return choice
        if raw:
            self.problems.append(f"{name} must be one of {', '.join(choices)}, not {raw!r}")
        return default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return True for `on`, False for `off`, and `default` for an empty variable."""
        return self.choice(name, ("on", "off"), default="on" if default else "off") == "on"

    def check_url(self, name: str, url: str) -> None:
        """Add a problem if `url` is not HTTPS. Empty, and plain HTTP to this machine, are valid."""
        parts = urlsplit(url)
        if url and parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
            self.problems.append(f"{name} must start with https://, not {url!r}")

    def _number(
        self,
        name: str,
        parse: Callable[[str], T],
        default: T,
        is_valid: Callable[[T], bool],
        expected: str,
    ) -> T:
        raw = self.text(name, default="")
        if not raw:
            return default
        try:
            value = parse(raw)
        except ValueError:
            value = None
        if value is None or not is_valid(value):
            self.problems.append(f"{name} must be {expected}, not {raw!r}")
            return default
        return value
