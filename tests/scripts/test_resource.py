"""`make resource` writes a declaration and a migration, and the rest is derived from these two."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.expression import source
from scripts.derive.scan import scan
from scripts.resource import NewResource, require_free, singular_of
from scripts.resource_fields import ResourceError, parse_fields
from scripts.resource_migration import migration
from scripts.resource_tenant import new_tenant
from sluice.kinds.choice import Choice
from sluice.kinds.field import Field
from sluice.kinds.integer import BigInt
from sluice.kinds.jsonb import Json
from sluice.kinds.text import Email, Text
from sluice.resource import Resource
from testing.copied_repository import check_types, copy_of_repository, run

KINDS = (
    "email:email:unique code:slug! name:text! size:integer weight:bigint! price:numeric(12,2)!"
    " is_new:boolean day:date at:timestamptz! state:choice(new,old)! notes:text(5000)?"
    " serial:uuid step:smallint share:float! ratio:real made:timestamp opens:time! lasts:interval"
    " host:inet data:json!"
)
MACHINES = "NAME=machines", f"FIELDS={KINDS}", "GROUP=machines", "SCOPE=catalog"
# Tests that read each resource, route or table.
OTHER_TESTS = (
    "tests/conventions/test_border.py",
    "tests/shop/adhoc_sql/test_role.py",
    "tests/shop/documents/test_docs.py",
    "tests/shop/sql/test_mapped.py",
    "tests/shop/sql/test_plans.py",
    "tests/template/test_events.py",
    "tests/template/test_template.py",
)
SUPPLIERS = "NAME=suppliers", "FIELDS=name:text!:unique country:text rating:numeric(3,2)"
FIELDS_OF_TENANT = "name:text!:unique code:slug:unique size:integer"
MODULE = "layers/shared/shop/suppliers.py"
MIGRATION = "layers/shared/shop/migrations/versions/0004_suppliers.py"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("", "FIELDS is empty"),
        ("name", "a field is name:kind"),
        ("name:text:uniq", "a field is name:kind"),
        ("Name:text", "must have the form of `line_items`"),
        ("order:integer", "order is a keyword of SQL"),
        ("version:integer", "each table has this field"),
        ("line:integer", "imports use the name"),
        ("a:text a:date", "a: named twice"),
        ("a:xml", "no such kind: xml. The kinds are text, email"),
        ("a:varchar", r"no such kind: varchar. Write text or text\(80\)"),
        ("a:decimal(3,2)", r"no such kind: decimal. Write numeric\(12,2\)"),
        ("a_id:ref(b)", "add a Ref to the declaration and the migration"),
        ("a:text,b:text", "fields are separated by spaces"),
        ("a:text?:unique", "so it cannot have `?`"),
        ("a:text(677)", r"write text\(677\)\?"),
        ("a:text(0)?", "must be a number from 1"),
        ("a:date(3)", "write date"),
        ("a:numeric", r"write numeric\(12,2\)"),
        ("a:numeric(3,4)", "'4' must be a number from 0 to 3"),
        ("a:choice", r"write choice\(new,paid\)"),
        ("a:choice(New)", r"choices have a-z, 0-9 and _: write choice\(new,paid\)"),
    ],
)
def test_wrong_field_is_named(fields: str, message: str) -> None:
    with pytest.raises(ResourceError, match=message):
        parse_fields(fields)


def test_arguments_may_be_separated_by_spaces() -> None:
    assert parse_fields("a:numeric(12, 2) b:text") == parse_fields("a:numeric(12,2) b:text")


def test_all_wrong_fields_are_named_at_once() -> None:
    with pytest.raises(ResourceError) as raised:
        parse_fields("a:xml name:text! b")

    assert [line.split(": ")[0] for line in str(raised.value).splitlines()] == ["a:xml", "b"]


@pytest.mark.parametrize(
    ("field", "written"),
    [
        (
            "name:text!:unique",
            'Text("name", min_length=1, max_length=200, unique=True, filter="in", sort=True,'
            " search=True)",
        ),
        ("note:text(5000)?", 'Text("note", min_length=1, max_length=5000, nullable=True)'),
        ("email:email!", 'Email("email", ignore_case=True, filter="equal", sort=True)'),
        ("code:slug!?", 'Slug("code")'),
        (
            "rating:numeric(3,2)",
            'Numeric("rating", precision=3, scale=2, nullable=True, filter="range", sort=True)',
        ),
        ("size:integer!", 'Integer("size", filter="range", sort=True)'),
        ("day:date!", 'Date("day", filter="range", sort=True)'),
        ("at:timestamptz!", 'Timestamp("at", filter="range", sort=True)'),
        ("is_new:boolean!", 'Boolean("is_new", filter="equal", sort=True)'),
        ("serial:uuid!", 'Uuid("serial", filter="in", sort=True)'),
        ("data:json", 'Json("data", nullable=True, filter="contains")'),
        ("state:choice(new,old)!?", 'Choice("state", ["new", "old"])'),
    ],
)
def test_field_is_declared(field: str, written: str) -> None:
    (parsed,) = parse_fields(field)

    assert source(parsed.expression) == written


@pytest.mark.parametrize(
    ("name", "singular"),
    [("suppliers", "supplier"), ("categories", "category"), ("boxes", "box"), ("classes", "class")],
)
def test_singular_of_regular_plural(name: str, singular: str) -> None:
    assert singular_of(name) == singular


@pytest.mark.parametrize("name", ["sheep", "moss"])
def test_singular_of_other_names_is_asked_for(name: str) -> None:
    with pytest.raises(ResourceError, match=f"set SINGULAR: the singular of {name} is not known"):
        singular_of(name)


def new(**changed: str) -> NewResource:
    values = {"name": "suppliers", "singular": "supplier", "group": "categories", "scope": ""}
    return NewResource(**values | changed, fields=parse_fields("name:text!"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "users"}, r"layers/shared/shop/users\.py exists, and is not overwritten"),
        ({"name": "graphql"}, "the name graphql is reserved"),
        ({"name": "routes"}, "the name routes is reserved"),
        ({"name": "class"}, "the name class is reserved"),
        ({"name": "table"}, "the name table is a keyword of SQL"),
        ({"name": "Suppliers"}, "the name 'Suppliers' must have the form"),
        ({"singular": "a supplier"}, "SINGULAR 'a supplier' must"),
        ({"group": "../x"}, r"GROUP '\.\./x' must"),
        ({"scope": "a:b"}, "SCOPE 'a:b' must"),
        ({"scope": "imports"}, "SCOPE imports is reserved"),
    ],
)
def test_name_with_another_meaning_is_refused(changed: dict[str, str], message: str) -> None:
    with pytest.raises(ResourceError, match=message):
        require_free(new(**changed), scan("shop"))


def resource(*fields: Field, table: str = "parts") -> Resource:
    return Resource(
        name="parts",
        singular="part",
        table=f"public.{table}",
        group="parts",
        key=BigInt("id", read_only=True),
        fields=fields,
    )


def test_migration_has_constraints_and_indexes() -> None:
    fields = (
        Email("email", ignore_case=True, unique=True, filter="equal", sort=True),
        Text("code", max_length=9, nullable=True, unique=True, sort=True, search=True),
        Choice("state", ["new", "old"], filter="in"),
        Json("data", filter="contains"),
    )

    text = migration(resource(*fields), "shop", "0004", "0003")

    assert 'revision = "0004"\ndown_revision = "0003"\n' in text
    for part in (
        "email text NOT NULL\n        CONSTRAINT parts_email_check\n",
        "\n            CHECK (char_length(email) <= 254\n",
        "\n                AND email ~ '^[^@]+@[^@]+$'\n                AND email !~ '[\\u0001-",
        "code text\n        CONSTRAINT parts_code_key UNIQUE\n",
        "CONSTRAINT parts_state_check CHECK (state IN ('new', 'old'))",
        "CREATE UNIQUE INDEX parts_email_key ON public.parts (lower(email));\n",
        "CREATE INDEX parts_code_idx ON public.parts (code, id);\n",
        "CREATE INDEX parts_state_idx ON public.parts (state, id);\n",
        "CREATE INDEX parts_data_idx ON public.parts USING gin (data);\n",
        "USING gin (sluice.words(coalesce(code, '')))",
        'DROPS = ("DROP TABLE IF EXISTS public.parts",)',
    ):
        assert part in text
    assert "parts_email_idx" not in text


def test_name_that_postgresql_would_cut_is_refused() -> None:
    with pytest.raises(ResourceError, match="PostgreSQL allows 63 bytes in a name"):
        migration(resource(Text("code", min_length=1), table="p" * 60), "shop", "0004", None)


def of_tenant(tenant: str) -> NewResource:
    """Return a new resource of the studio, whose other resources have tenants."""
    resources = [each.resource for each in scan("studio").resources]
    fields = parse_fields("name:text!:unique size:integer")
    names = {"name": "parts", "singular": "part", "group": "orders", "scope": ""}
    return NewResource(**names, fields=fields, tenant=new_tenant(tenant, resources))


def test_resource_of_a_tenant_is_declared() -> None:
    """The tenant is in each unique key, and in that of imports."""
    declared = of_tenant("studio_id").draft.resource()

    (constraint,) = declared.constraints
    assert (declared.tenant, declared.by_name["studio_id"].read_only) == ("studio_id", True)
    assert constraint.columns == ["studio_id", "name"]
    assert declared.import_columns == ("studio_id", "name")
    assert [each.resource for each in declared.refs] == ["studios"]


def test_migration_of_a_tenant_has_indexes_and_policies() -> None:
    others = [each.resource for each in scan("studio").resources]

    text = migration(of_tenant("studio_id").draft.resource(), "studio", "0003", "0002", others)

    for part in (
        "studio_id uuid NOT NULL REFERENCES studio.studios,\n",
        "CREATE INDEX parts_id_idx ON public.parts (studio_id, id);\n",
        "CREATE UNIQUE INDEX parts_studio_id_name_key ON public.parts (studio_id, name);\n",
        "CREATE INDEX parts_size_idx ON public.parts (studio_id, size, id);\n",
        "CREATE EXTENSION IF NOT EXISTS btree_gin;\n",
        "USING gin (studio_id, sluice.words(name))",
        "CREATE POLICY sluice_tenant ON public.parts TO ",
        'ENABLED = "ALTER TABLE public.parts ENABLE ROW LEVEL SECURITY, FORCE',
        "(TABLE, *indexes, TRIGGER, *POLICIES)",
    ):
        assert part in text


def test_shared_resource_has_no_policy() -> None:
    declared = of_tenant("shared").draft.resource()

    text = migration(declared, "studio", "0003", "0002")

    assert (declared.has_tenant, declared.by_name["name"].unique) == (False, True)
    assert "POLICY" not in text


@pytest.mark.parametrize(
    ("app", "tenant", "message"),
    [
        ("studio", "", "set TENANT to the column of the tenant, or to shared, .*=studio_id"),
        ("studio", "Studio", "TENANT 'Studio' must have the form"),
        ("shop", "studio_id", "the application has no tenants yet"),
    ],
)
def test_wrong_tenant_of_a_new_resource(app: str, tenant: str, message: str) -> None:
    with pytest.raises(ResourceError, match=message):
        new_tenant(tenant, [each.resource for each in scan(app).resources])


@pytest.fixture(name="copy", scope="module")
def copy_with_suppliers() -> Iterator[Path]:
    """Return a copy of the repository, with the resource `suppliers`."""
    with copy_of_repository() as folder:
        assert "routes: /api/suppliers and /api/suppliers/{id}" in make(folder, *SUPPLIERS)
        yield folder


@pytest.fixture(name="copy_of_kinds")
def copy_with_machines() -> Iterator[Path]:
    """Return a copy of the repository with the resource `machines`, which has each kind."""
    with copy_of_repository() as folder:
        assert "WHICH DOES NOT FIT" in make(folder, *MACHINES)  # one function more
        yield folder


def make(folder: Path, *arguments: str, code: int = 0) -> str:
    up_to_date = ("--old-file=.venv/.dev", "--old-file=.venv-sam/.done")
    return run(folder, "make", *up_to_date, "resource", *arguments, code=code)


@pytest.mark.slow
def test_two_files_are_by_hand(copy: Path) -> None:
    by_hand = [copy / MODULE, copy / MIGRATION]
    written = run(copy, "git", "ls-files", "--others", "--exclude-standard").split()

    assert [name for name in written if not name.startswith("events/")] == [MIGRATION, MODULE]
    assert sum(len(path.read_text().splitlines()) for path in by_hand) <= 90
    assert run(copy, ".venv/bin/ruff", "format", "--check", MODULE, MIGRATION)
    assert "All checks passed" in run(copy, ".venv/bin/ruff", "check", MODULE, MIGRATION)


@pytest.mark.slow
def test_resource_works_in_every_interface(copy: Path) -> None:
    tests = "tests/scripts/suppliers_resource.py"

    run(copy, ".venv/bin/python", "-m", "pytest", "-q", tests)


@pytest.mark.slow
def test_suites_cover_a_new_resource(copy: Path) -> None:
    suites = "tests/suites", "-k", "suppliers or supplier"

    output = run(copy, ".venv/bin/python", "-m", "pytest", "--collect-only", "-q", *suites)
    for suite in ("conditional", "crud", "filters", "import", "lists", "round_trips"):
        assert f"tests/suites/test_{suite}.py" in output
    run(copy, ".venv/bin/python", "-m", "pytest", "-q", *suites)


@pytest.mark.slow
def test_new_resource_of_a_tenant_works() -> None:
    """Its migration runs, and the suites and the tests of two tenants find it."""
    arguments = "APP=studio", "NAME=suppliers", f"FIELDS={FIELDS_OF_TENANT}", "TENANT=studio_id"
    module, versions = "tests/apps/studio/suppliers.py", "tests/apps/studio/migrations/versions"

    with copy_of_repository() as folder:
        make(folder, *arguments, "GROUP=orders")
        run(folder, ".venv/bin/ruff", "check", module, versions)
        written = folder / versions / "0003_suppliers.py"  # the studio's tables have both locks
        written.write_text(written.read_text().replace("*POLICIES)", "*POLICIES, ENABLED)"))
        tests = "tests/suites", "-k", "suppliers or supplier"
        run(folder, ".venv/bin/python", "-m", "pytest", "-q", *tests, SLUICE_APP="studio")


@pytest.mark.slow
def test_each_kind_works_in_a_function_of_its_own(copy_of_kinds: Path) -> None:
    tests = "tests/scripts/machines_resource.py"

    run(copy_of_kinds, ".venv/bin/python", "-m", "pytest", "-q", tests)


@pytest.mark.slow
def test_checks_and_connection_budget_hold(copy: Path) -> None:
    run(copy, ".venv/bin/python", "-m", "scripts.derive", "--check")
    run(copy, ".venv/bin/python", "-m", "scripts.connection_budget")
    check_types(copy)
    run(copy, ".venv/bin/python", "-m", "pytest", "-q", *OTHER_TESTS)


@pytest.mark.slow
def test_refused_resource_leaves_no_file(copy: Path) -> None:
    before = run(copy, "git", "status", "--short")

    output = make(copy, "NAME=deals", "FIELDS=key:bigint!", code=2)

    assert "the name key is reserved" in output
    assert run(copy, "git", "status", "--short") == before
    assert "exists, and is not overwritten" in make(copy, *SUPPLIERS, code=2)
