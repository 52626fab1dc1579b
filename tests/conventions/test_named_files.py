"""Files that docstrings and comments of the code name exist."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"(?<![\w.*/{<-])((?:[\w-]+/)*\w[\w-]*\.(?:py|yaml|md))(?![\w/])")
EXAMPLES = {
    "layers/shared/company/application.py",
    "layers/shared/company/customers.py",
    "layers/shared/company/invoices.py",
    "functions/cancel_unpaid/handler.py",
    "layers/shared/crm/deals.py",
    "layers/shared/firm/notes.py",
    "layers/shared/shop/merging.py",
    "layers/shared/shop/restocking.py",
    "layers/shared/shop/routes/suppliers.py",
    "layers/shared/shop/routes/users.py",
    "layers/shared/shop/suppliers.py",
}


def missing_files(ending: str, *folders: str) -> set[str]:
    """Return the named files that do not exist, in the texts with this ending."""
    # A file that is not added yet counts: `make derive` names it in docs/modules.md.
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    listed = [path for path in listed if (ROOT / path).exists()]
    ends = {"/".join(path.split("/")[i:]) for path in listed for i in range(path.count("/") + 1)}
    return {
        f"{path}: {name}"
        for path in listed
        if path.endswith(ending) and path.startswith(folders or "")
        for name in NAMED.findall((ROOT / path).read_text())
        if name not in ends | EXAMPLES
    }


def test_files_named_in_code_exist() -> None:
    folders = ("layers/", "functions/", "local/", "scripts/", "benchmarks/", "testing/")
    assert missing_files(".py", *folders) == set()
