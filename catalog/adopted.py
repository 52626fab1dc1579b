"""`.adopted.json` of an application: what `adopt` wrote, when, and from which catalogue.

A merge needs it: what `adopt` wrote then is the draft of the snapshot of that time.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from catalog.errors import AdoptError
from catalog.snapshot import Snapshot, from_plain, to_json

FORMAT = 1
NAME = ".adopted.json"


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """What one run of `adopt` wrote.

    on: the date. resources: the name of each by its table. snapshot: the catalogue of that time.
    tenant, tenant_columns, shared: those of AdoptRequest.
    """

    on: str
    resources: dict[str, str]
    tables: Sequence[str]
    view_keys: dict[str, list[str]]
    group: str
    snapshot: Snapshot
    tenant: str = ""
    tenant_columns: dict[str, str] = field(default_factory=dict)
    shared: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class AdoptedFile:
    """All adoptions of an application, the oldest first, and the digest of its schema.sql."""

    adoptions: tuple[Adoption, ...] = ()
    schema_digest: str = ""

    @property
    def snapshots(self) -> dict[str, Snapshot]:
        """The catalogue from which each resource was adopted, by its table."""
        return {table: each.snapshot for each in self.adoptions for table in each.resources}

    def of(self, table: str) -> Adoption | None:
        """Return the adoption that wrote the resource of a table, if it did."""
        return next((each for each in self.adoptions if table in each.resources), None)

    def having(self, adoption: Adoption) -> "AdoptedFile":
        """Return the file with one adoption more. The older ones no longer count for its tables."""
        others = (
            replace(
                each,
                resources={
                    table: name
                    for table, name in each.resources.items()
                    if table not in adoption.resources
                },
            )
            for each in self.adoptions
        )
        kept = (each for each in others if each.resources)
        return replace(self, adoptions=(*kept, adoption))


def read(folder: Path) -> AdoptedFile:
    """Return the file of an application's folder; empty if there is none.

    Raise AdoptError.
    """
    path = folder / NAME
    if not path.is_file():
        return AdoptedFile()
    try:
        data = json.loads(path.read_text())
        if data["format"] != FORMAT:
            raise AdoptError(f"{path} has another format than this release of Sluice reads")
        adoptions = tuple(
            Adoption(**each | {"snapshot": from_plain(each["snapshot"])})
            for each in data["adoptions"]
        )
        return AdoptedFile(adoptions=adoptions, schema_digest=data["schema_digest"])
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path} cannot be read ({error}): restore it, or remove it to begin again"
        raise AdoptError(message) from error


def text(adopted: AdoptedFile) -> str:
    """Return the content of the file, in many lines, so that a diff is readable."""
    adoptions = [
        {**_given(each), "snapshot": json.loads(to_json(each.snapshot))}
        for each in adopted.adoptions
    ]
    data = {"format": FORMAT, "schema_digest": adopted.schema_digest, "adoptions": adoptions}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _given(adoption: Adoption) -> dict[str, object]:
    """Return the attributes of an adoption. Without tenants there are none about them."""
    names = [*vars(adoption)]
    if not adoption.tenant:
        names = [name for name in names if name not in ("tenant", "tenant_columns", "shared")]
    return {name: getattr(adoption, name) for name in names}
