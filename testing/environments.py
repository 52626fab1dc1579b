"""The folders of the Makefile's Python environments: `.venv`, or what SLUICE_VENV names."""

import sys
from pathlib import Path

VENV = Path(sys.prefix)
SAM_VENV = Path(f"{VENV}-sam")
AUDIT_VENV = Path(f"{VENV}-audit")
DOCS_VENV = Path(f"{VENV}-docs")
