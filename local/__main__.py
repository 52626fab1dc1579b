"""Run `python -m local`.

The import takes half a second, and Ctrl-C during it must end the program without a traceback.
"""

import sys

try:
    from local.command import main

    status = main()
except KeyboardInterrupt:
    status = 0
sys.exit(status)
