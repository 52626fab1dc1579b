"""What state is the schema in?"""

from sluice.repositories.view import Statements

NEWEST = "0007"  # the migration that this code was written for: functions/migrate/ ships it, and a test compares


class SchemaRepository:
    """Every statement about the schema itself."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def migration(self) -> str:
        """The newest migration that has been applied; answering at all proves that the database serves."""
        return str(self._statements.read("SELECT version_num FROM alembic_version")[0].version_num)
