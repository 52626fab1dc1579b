"""The secrets of the tests, which no log may contain."""

import re

CREDENTIAL = re.compile(r"local-(admin|reader|limited)|canary-(app|analyst|key|token)")
SECRET = re.compile(f"{CREDENTIAL.pattern}|canary", re.IGNORECASE)
