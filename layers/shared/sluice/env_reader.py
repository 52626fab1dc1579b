"""One environment variable at a time, and all that is wrong with them at once: one deploy shows every problem."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
C = TypeVar("C", bound=str)


class EnvReader:
    """What cannot be used is added to `problems`, and a default taken in its place."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, name: str, *, default: str | None = None) -> str:
        value = self._environ.get(name, "").strip()
        if value or default is not None:
            return value or default or ""
        self.problems.append(f"{name} is not set")
        return ""

    def integer(self, name: str, *, default: int, least: int, most: int) -> int:
        return self._number(
            name,
            int,
            default,
            lambda n: least <= n <= most,
            f"a whole number from {least} to {most}",
        )

    def megabytes(self, name: str, *, default: int) -> int:
        """Return a size that is given in mebibytes, in bytes."""
        return self.integer(name, default=default, least=1, most=1_048_576) * 1024**2

    def seconds(self, name: str, *, default: float) -> float:
        return self._number(
            name, float, default, lambda n: 0 < n <= 900, "seconds, above 0 and at most 900"
        )

    def tiers(self, name: str, *, default: str) -> dict[str, tuple[int, int]]:
        """`default=100/60,partner=1000/60`: for each tier, so many requests in so many seconds."""
        raw = self.text(name, default=default)
        tiers = {}
        for part in raw.split(","):
            tier = re.fullmatch(
                r"\s*([a-z][a-z0-9_-]*)=([1-9]\d{0,8})/([1-9]\d{0,4})\s*", part, re.ASCII
            )
            if tier is None:
                self.problems.append(
                    f"{name} must be tiers such as default=100/60, not {part.strip()!r}"
                )
            else:
                tiers[tier[1]] = (int(tier[2]), int(tier[3]))
        if "default" not in tiers:
            self.problems.append(f"{name} must say what default is")
        return tiers

    def one_of(self, name: str, choices: tuple[C, ...], *, default: C) -> C:
        raw = self.text(name, default="")
        for choice in choices:
            if raw == choice:
                return choice
        if raw:
            self.problems.append(f"{name} must be one of {', '.join(choices)}, not {raw!r}")
        return default

    def check_url(self, name: str, url: str) -> None:
        """Nothing is asked of anybody over an open wire."""
        parts = urlsplit(url)
        if url and parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
            self.problems.append(f"{name} must start with https://, not {url!r}")

    def _number(
        self,
        name: str,
        read: Callable[[str], T],
        default: T,
        fits: Callable[[T], bool],
        wanted: str,
    ) -> T:
        raw = self.text(name, default="")
        if not raw:
            return default
        try:
            value = read(raw)
        except ValueError:
            value = None
        if value is None or not fits(value):
            self.problems.append(f"{name} must be {wanted}, not {raw!r}")
            return default
        return value
