"""Turn a snapshot into a draft: what each table and view of a database would be for clients.

adopt, drift and the merge of hand edits use this one classification.
"""

from collections.abc import Sequence

from catalog import tenant_lists, tenant_options
from catalog.constraints import constraints, domain_columns, import_key
from catalog.draft import AdoptRequest, Draft, DraftResource, Refusal, Table
from catalog.fields import members, name_fields
from catalog.foreign_keys import ForeignKey, foreign_keys
from catalog.functions import Functions
from catalog.junctions import Junction, junctions
from catalog.questions import decisions, notes
from catalog.relations import Relations
from catalog.search_path import search_path
from catalog.singulars import rename_singulars
from catalog.snapshot import Snapshot
from catalog.tables import AdoptedTable, adopted_tables, name_tables
from catalog.tenants import Tenants, require_names, set_columns, set_references
from catalog.writes import writes


def draft(snapshot: Snapshot, request: AdoptRequest) -> Draft:
    """Return the draft of the tables that the request names, and of those that are known."""
    found, refusals = adopted_tables(snapshot, request)
    name_tables(found, request)
    for each in found:
        name_fields(each)
    found, keys, links, without_tenant = _with_tenants(found, request)
    are_links = {junction.each.table.qualified for junction in links}
    tables = [each for each in found if each.is_wanted and each.table.qualified not in are_links]
    wanted = {each.table.qualified for each in tables}
    usable = [
        key
        for key in keys
        if key.problem is None and {key.of.table.qualified, key.to.table.qualified} <= wanted
    ]
    functions = Functions(snapshot, tables)
    relations = Relations(tables, usable, links, functions)
    result = Draft(
        app=request.app,
        refusals=[*refusals, *without_tenant],
        functions_not_served=functions.not_served,
        search_path=search_path(snapshot, found, functions),
    )
    result.refusals += [
        key.problem for key in keys if key.problem and key.of.table.qualified in wanted
    ]
    _add_resources(result, tables, relations)
    rename_singulars(result.resources)
    return result


def _with_tenants(
    tables: list[AdoptedTable], request: AdoptRequest
) -> tuple[list[AdoptedTable], list[ForeignKey], list[Junction], list[Refusal]]:
    """Return the tables with a tenant, their foreign keys, and those of them that are links.

    Without tables that have none, other tables may be no links any more: so it is repeated. The
    tables without a tenant are refused.
    """
    refusals: list[Refusal] = []
    require_names(tables, request)
    while True:
        set_columns(tables, request)
        by_table = {each.table.qualified: each for each in tables}
        keys = [key for each in tables for key in foreign_keys(each, by_table)]
        links = junctions(tables, keys)
        names = [junction.each.table.qualified for junction in links]
        refused = Tenants(tables, keys, names, request).refusals() if request.tenant else []
        if not refused:
            set_references(keys)
            return tables, keys, links, refusals
        wanted = {each.table.qualified for each in tables if each.is_wanted}
        refusals += [each for each in refused if each.subject in wanted]
        gone = {each.subject for each in refused}
        tables = [each for each in tables if each.table.qualified not in gone]


def _add_resources(result: Draft, tables: Sequence[AdoptedTable], relations: Relations) -> None:
    domains = domain_columns(tables)
    for each in tables:
        resource = _resource(each, relations, result.refusals)
        shown = [m.column for m in (*resource.key, *resource.fields) if m.expression]
        resource.constraints += constraints(each, shown, domains)
        if not each.is_read_only and (key := import_key(each, shown)):
            resource.options["import_key"] = key
        result.refusals += tenant_lists.refusals(each)
        tenant_options.add(each, resource)
        result.resources.append(resource)


def _resource(each: AdoptedTable, relations: Relations, refusals: list[Refusal]) -> DraftResource:
    key, fields = members(each, relations.references(each))
    resource = DraftResource(
        table=Table(each.table.schema, each.table.name),
        name=each.name,
        singular=each.singular,
        description=" ".join(each.table.comment.split()),
        group=each.group,
        module=each.module,
        key=key,
        fields=fields,
        decisions=[*decisions(each)],
        notes=[*notes(each)],
        is_known=each.known is not None,
    )
    for member in relations.members(each):
        if isinstance(member, Refusal):
            refusals.append(member)
        else:
            resource.relations.append(member)
    allowed, refused = writes(each, resource)
    refusals += refused
    if allowed is not None:
        resource.options["writes"] = allowed
    return resource
