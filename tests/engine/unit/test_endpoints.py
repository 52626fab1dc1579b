"""Host names of AWS services in every region and partition, compared with botocore's."""

from contextlib import closing
from datetime import UTC, datetime
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from sluice.aws.client import AwsClient
from sluice.db.passwords import IamToken
from sluice.endpoints import host
from sluice.imports.storage import ImportBucket
from sluice.settings import AwsSettings, DatabaseSettings, Settings, SettingsError

SESSION = boto3.Session()
REGIONS = [
    region
    for partition in SESSION.get_available_partitions()
    for region in SESSION.get_available_regions("dynamodb", partition_name=partition)
]
HOSTS = [
    ("us-east-1", "us-east-1.amazonaws.com"),
    ("eu-central-1", "eu-central-1.amazonaws.com"),
    ("eu-south-1", "eu-south-1.amazonaws.com"),
    ("cn-north-1", "cn-north-1.amazonaws.com.cn"),
    ("us-gov-west-1", "us-gov-west-1.amazonaws.com"),
]
KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret", "session_token": "token"}


@pytest.mark.parametrize("fips", [False, True])
@pytest.mark.parametrize("service", ["dynamodb", "sqs", "secretsmanager"])
def test_host_equals_botocores_in_every_region(service: str, fips: bool) -> None:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    config = Config(use_fips_endpoint=fips)
    regions = [region for region in REGIONS if not (fips and region.startswith(("cn-", "us-iso")))]
    assert len(regions) > 30
    for region in regions:
        with closing(SESSION.client(service, region, config=config, **keys)) as client:
            assert f"https://{host(service, region, fips=fips)}" == client.meta.endpoint_url


@pytest.mark.parametrize(("region", "ending"), HOSTS)
@pytest.mark.parametrize("service", ["dynamodb", "sqs", "secretsmanager"])
def test_client_calls_the_regional_host(service: str, region: str, ending: str) -> None:
    assert AwsClient(AwsSettings(region, **KEYS), service).netloc == f"{service}.{ending}"


@pytest.mark.parametrize("upload", [True, False])
@pytest.mark.parametrize(("region", "ending"), HOSTS)
def test_presigned_url_names_the_regional_host(region: str, ending: str, upload: bool) -> None:
    bucket = ImportBucket(AwsSettings(region, **KEYS), "sluice-imports-123456789012")
    url = urlsplit(bucket.presigned_url("incoming/products/1.csv", upload=upload))
    bucket.close()
    assert (url.scheme, url.netloc) == ("https", f"sluice-imports-123456789012.s3.{ending}")
    assert url.path == "/incoming/products/1.csv"
    assert f"%2F{region}%2Fs3%2Faws4_request" in url.query


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1"])
def test_fips_setting_applies_to_every_service(region: str) -> None:
    settings = AwsSettings(region, **KEYS, fips=True)
    bucket = ImportBucket(settings, "imports")
    assert urlsplit(bucket.presigned_url("k")).netloc == f"imports.s3-fips.{region}.amazonaws.com"
    bucket.close()
    assert AwsClient(settings, "dynamodb").netloc == f"dynamodb-fips.{region}.amazonaws.com"


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:4566", "http://host.docker.internal:4566"])
def test_emulator_url_has_the_bucket_in_its_path(endpoint: str) -> None:
    bucket = ImportBucket(AwsSettings("eu-south-1", **KEYS, s3_endpoint=endpoint), "imports")
    assert bucket.presigned_url("incoming/users/1.csv", upload=True).startswith(
        f"{endpoint}/imports/incoming/users/1.csv?"
    )
    bucket.close()


@pytest.mark.parametrize(("region", "ending"), HOSTS)
def test_rds_token_names_host_and_region(region: str, ending: str) -> None:
    now = datetime(2026, 1, 31, 12, 34, 56, tzinfo=UTC)
    name = f"shop.cluster-abc.{ending.replace('.amazonaws', '.rds.amazonaws')}"
    database = DatabaseSettings(host=name, name="shop", user="sluice_app", auth="iam")
    token = IamToken(AwsSettings(region, **KEYS), database, now=lambda: now)()
    assert token.startswith(f"{name}:5432/?Action=connect&DBUser=sluice_app&")
    assert f"%2F20260131%2F{region}%2Frds-db%2Faws4_request" in token


def environment(**more: str) -> dict[str, str]:
    shop = {
        "SLUICE_DB_HOST": "db",
        "SLUICE_DB_NAME": "shop",
        "SLUICE_DB_USER": "app",
        "SLUICE_DB_PASSWORD": "pw",
    }
    tables = {
        "SLUICE_API_KEYS_TABLE": "keys",
        "SLUICE_RATE_LIMIT_TABLE": "rates",
        "SLUICE_CURSOR_KEY": "k" * 32,
    }
    return shop | tables | more


def test_fips_is_off_by_default() -> None:
    assert not Settings.from_env(environment(AWS_REGION="eu-central-1")).aws.fips
    assert Settings.from_env(
        environment(AWS_REGION="us-west-2", AWS_USE_FIPS_ENDPOINT="true")
    ).aws.fips


def test_fips_in_china_is_rejected() -> None:
    with pytest.raises(SettingsError, match="AWS_USE_FIPS_ENDPOINT cannot be true in China"):
        Settings.from_env(environment(AWS_REGION="cn-north-1", AWS_USE_FIPS_ENDPOINT="true"))
