"""Run `python -m local`.

The import takes half a second, and Ctrl-C during it must end the program without a traceback.
"""

import signal
import sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for background jobs

try:
    from local.command import main

    status = main()
except KeyboardInterrupt:
    status = 0
sys.exit(status)
