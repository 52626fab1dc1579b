"""Days and times that Python does not have, as PostgreSQL writes them.

They are `infinity` and `-infinity`, and those before the year 1 or after 9999, such as
`0044-03-15 BC` and `10000-01-01 00:00:00+00`.
"""

import re
from datetime import date

INFINITE = ("infinity", "-infinity")
DAY_FORM = r"([0-9]{4,7})-([0-9]{2})-([0-9]{2})"
TIME_FORM = r" ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
FAR_DATE = rf"{DAY_FORM}( BC)?"
FAR_LOCAL_TIME = rf"{DAY_FORM}{TIME_FORM}( BC)?"
FAR_TIME = rf"{DAY_FORM}{TIME_FORM}[+]00( BC)?"
# The patterns of all values, of the usual ones too, for a JSON Schema.
DATE_PATTERN = rf"^(-?infinity|{FAR_DATE})$"
TIME_PATTERN = rf"^(-?infinity|{DAY_FORM}[Tt ][0-9:.]{{8,15}}([Zz]|[+-][0-9:]{{2,5}})?( BC)?)$"
FIRST_DAY = (-4713, 11, 24)  # 4714 BC: there is no year 0
LAST_DAY = (5_874_897, 12, 31)
LAST_DAY_WITH_TIME = (294_276, 12, 31)
FAR_DATES = (*INFINITE, "4714-11-24 BC", "0001-12-31 BC", "10000-01-01", "5874897-12-31")
WRONG_FAR_DATES = ("4714-11-23 BC", "0000-01-01", "10001-02-29", "5874898-01-01", "10000-01-1")


def far_text(text: str, form: str) -> str:
    """Return a text of one of the forms above. Raise ValueError if there is no such value."""
    if text in INFINITE:
        return text
    found = re.fullmatch(form, text, re.ASCII)
    if found is None or int(found[1]) == 0:
        raise ValueError(text)
    year, month, day = (int(part) for part in found.group(1, 2, 3))
    if found[found.re.groups]:
        year = 1 - year
    date(year % 400 + 2000, month, day)  # the calendar repeats itself after 400 years
    last = LAST_DAY if form is FAR_DATE else LAST_DAY_WITH_TIME
    if 1 <= year <= 9999 or not FIRST_DAY <= (year, month, day) <= last:
        raise ValueError(text)
    return text
