"""Run `python -m local`.

The import takes half a second, and Ctrl-C during it must end the program without a traceback. So
must an unknown application, whose scopes the import reads.
"""

import signal
import sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for background jobs

try:
    from local.command import main

    status = main()
except KeyboardInterrupt:
    status = 0
except Exception as error:
    from sluice.application import ApplicationError  # the import above has put it on the path

    if not isinstance(error, ApplicationError):
        raise
    print(f"sluice: {error}", file=sys.stderr)
    status = 1
sys.exit(status)
