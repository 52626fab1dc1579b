"""Run `python -m local`. Importing the rest takes half a second, in which Ctrl-C must end it as quietly as later."""

import sys

try:
    from local.command import main

    status = main()
except KeyboardInterrupt:
    status = 0
sys.exit(status)
