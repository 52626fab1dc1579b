"""The base of models for SQLAlchemy's ORM, and the models of idempotency keys and imports.

An application's models are for use cases that change objects, through `Transaction.session`. The
API itself uses repositories. The migrations define the schema, and a test compares it with the
models. Values that the server sets (ids, times, versions) are fetched with each flush. `flush`
raises StaleVersion if the version of a row has changed since it was read.
"""

from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import (
    ARRAY,
    TIMESTAMP,
    BigInteger,
    Connection,
    FetchedValue,
    ForeignKey,
    Integer,
    LargeBinary,
    Text,
)
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    declared_attr,
    mapped_column,
)
from sqlalchemy.orm.exc import StaleDataError

from sluice.errors import StaleVersion

Id = Annotated[int, mapped_column(BigInteger, primary_key=True)]
SLUICE_SCHEMA = {"schema": "sluice"}


class Base(DeclarativeBase):
    type_annotation_map = {str: Text, datetime: TIMESTAMP(timezone=True)}  # noqa: RUF012  SQLAlchemy's convention


class Versioned:
    """The columns that the trigger function sluice.touch sets on every change of a row."""

    updated_at: Mapped[datetime] = mapped_column(
        server_default=FetchedValue(), server_onupdate=FetchedValue()
    )
    version: Mapped[int] = mapped_column(
        Integer, server_default=FetchedValue(), server_onupdate=FetchedValue()
    )

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {
            "version_id_col": cls.version,
            "version_id_generator": False,
            "eager_defaults": True,
        }


class WithCreatedAt:
    created_at: Mapped[datetime] = mapped_column(server_default=FetchedValue())


class StoredIdempotencyKey(WithCreatedAt, Base):
    __tablename__ = "idempotency_keys"
    __table_args__ = SLUICE_SCHEMA
    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    response: Mapped[str]
    etag: Mapped[str]
    resource_id: Mapped[str]


class ImportJob(WithCreatedAt, Versioned, Base):
    __tablename__ = "import_jobs"
    __table_args__ = SLUICE_SCHEMA
    id: Mapped[Id]
    resource: Mapped[str]
    object_key: Mapped[str]
    object_etag: Mapped[str | None]
    sequencer: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default=FetchedValue())
    rows_read: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    rows_written: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    rows_rejected: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    bytes_read: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    bytes_total: Mapped[int | None] = mapped_column(BigInteger)
    header: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    next_byte: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    next_line: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    error: Mapped[str | None]
    resumable: Mapped[bool] = mapped_column(server_default=FetchedValue())
    seen_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    tenant: Mapped[str] = mapped_column(server_default=FetchedValue())


class ImportReject(Base):
    __tablename__ = "import_rejects"
    __table_args__ = SLUICE_SCHEMA
    import_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("sluice.import_jobs.id"), primary_key=True
    )
    line: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    column_name: Mapped[str | None]
    code: Mapped[str]
    reason: Mapped[str]


def make_session(connection: Connection) -> Session:
    """Return a session in the connection's transaction. The caller ends the transaction."""
    return Session(bind=connection)


def flush(session: Session) -> None:
    """Write all changes. Raise StaleVersion if a row's version is not the one that was read."""
    try:
        session.flush()
    except StaleDataError as error:
        raise StaleVersion from error
