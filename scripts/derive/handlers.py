"""Write the handlers of the functions that serve resources: `<folder>/<group>/handler.py`."""

from pathlib import Path

from scripts.derive.scan import Found
from sluice.application import ENGINE_FUNCTIONS

ROOT = Path(__file__).parents[2]
MARK = "Derived by `make derive`"
HANDLER = '''\
"""{subject}. Derived by `make derive`: routes of your own are in {app}/routes."""

from sluice.http.group import group

handler = group("{group}")
'''


def files(found: Found) -> dict[Path, str]:
    """Return the handler of each group. The empty text of a file says that its group is gone."""
    groups: dict[str, list[str]] = {}
    for each in found.resources:
        if each.is_served:
            groups.setdefault(each.resource.group, []).append(each.resource.name)
    folder = ROOT / found.app.functions_folder
    gone = {
        path: ""
        for path in sorted(folder.glob("*/handler.py"))
        if path.parent.name not in groups and MARK in path.read_text()
    }
    return gone | {
        folder / group / "handler.py": _handler(found.app.name, group, resources)
        for group, resources in groups.items()
    }


def is_by_hand(found: Found, group: str) -> bool:
    """Return whether a function of this name exists that is not derived, such as `health`."""
    names = {*ENGINE_FUNCTIONS, *(Path(function.code).name for function in found.app.functions)}
    path = ROOT / found.app.functions_folder / group / "handler.py"
    return group in names or (path.is_file() and MARK not in path.read_text())


def _handler(app: str, group: str, resources: list[str]) -> str:
    first, *others = resources
    subject = f"/api/{first}" + (f" and {len(others)} more" if others else "")
    return HANDLER.format(subject=subject, app=app, group=group)
