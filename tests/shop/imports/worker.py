"""An import worker as a separate process, which tests kill.

Usage: worker.py DATABASE_URL S3_ENDPOINT BUCKET IMPORT_ID
"""

import sys

from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.imports.job import Importer, ImportLocked
from sluice.imports.storage import ImportBucket
from sluice.settings import AwsSettings, DatabaseSettings
from sluice.sql.page_cursor import CursorSigner


def main(url: str, endpoint: str, bucket: str, job: str) -> None:
    database = Database(make_pool(DatabaseSettings.from_url(url)._replace(tls="off"), "batch"))
    settings = AwsSettings("us-east-1", "local", "local", s3_endpoint=endpoint)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    try:
        signer = CursorSigner(b"x" * 16)
        Importer(database.connection, ImportBucket(settings, bucket), signer).run(int(job), 600.0)
    except ImportLocked:
        sys.exit(3)


if __name__ == "__main__":
    main(*sys.argv[1:])
