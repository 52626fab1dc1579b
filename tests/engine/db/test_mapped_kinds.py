"""SQLAlchemy's classes write values of kinds that SQLAlchemy has no types for."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.orm import DeclarativeBase, Session

from local.postgres import PostgresServer
from sluice.db.mapped import Models
from sluice.kinds.array import Array
from sluice.kinds.char import Char
from sluice.kinds.choice import Choice
from sluice.kinds.citext import Citext
from sluice.kinds.date import Date
from sluice.kinds.inet import Inet
from sluice.kinds.integer import BigInt
from sluice.kinds.interval import Interval
from sluice.kinds.jsonb import Json
from sluice.kinds.range import Range
from sluice.kinds.text import Text
from sluice.kinds.uuid import Uuid
from sluice.resource import Resource

PARTS = Resource(
    name="parts",
    singular="part",
    table="depot.parts",
    group="depot",
    key=BigInt("id", read_only=True),
    fields=[
        Citext("name", nullable=True),
        Char("country", max_length=2, nullable=True),
        Choice("state", ("new", "old"), type="depot.state", nullable=True),
        Inet("host", nullable=True),
        Interval("wait", nullable=True),
        Uuid("serial", nullable=True),
        Json("data", nullable=True),
        Array("tags", of=Text("tag", nullable=True), default=["a b"]),
        Range("days", of=Date("day"), default={"lower": "2026-01-31"}),
    ],
)
KEY = "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"


@pytest.fixture(scope="module")
def engine(postgres_server: PostgresServer) -> Iterator[Engine]:
    engine = create_engine(make_url(postgres_server.url()).set(drivername="postgresql+pg8000"))
    columns = ", ".join(f'"{field.column}" {field.ddl()}' for field in PARTS.fields)
    with engine.begin() as connection:
        for statement in (
            "CREATE SCHEMA depot",
            "CREATE EXTENSION IF NOT EXISTS citext",
            "CREATE TYPE depot.state AS ENUM ('new', 'old')",
            f"CREATE TABLE depot.parts ({KEY}, {columns})",
        ):
            connection.exec_driver_sql(statement)
    yield engine
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA depot CASCADE")
    engine.dispose()


def test_each_value_is_written(engine: Engine) -> None:
    part = Models(type("Base", (DeclarativeBase,), {}), {"parts": PARTS}.__getitem__).of(PARTS)
    values = {field.column: field.read(field.sample(1), "") for field in PARTS.fields}
    with Session(engine) as session:
        session.add_all([part(), part(**values)])
        session.commit()
    with engine.connect() as connection:
        columns = ", ".join(f"{f.select(f.column)} AS {f.column}" for f in PARTS.fields)
        rows = f"SELECT {columns} FROM depot.parts ORDER BY id"
        shown = connection.exec_driver_sql(f"SELECT row_to_json(o) FROM ({rows}) o").scalars().all()

    defaults, written = shown
    assert (defaults["tags"], defaults["name"]) == (["a b"], None)
    assert (defaults["days"]["lower"], defaults["days"]["upper"]) == ("2026-01-31", None)
    assert {f.column: f.read(written[f.column], "") for f in PARTS.fields} == values
