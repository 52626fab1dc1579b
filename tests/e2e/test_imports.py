"""An import by presigned URL, from creating the job to the report of rejected rows."""

from urllib.parse import urlsplit

import pytest

from tests.e2e.deployment import Deployment

ENDS = ("completed", "failed")


def announce(api: Deployment) -> dict[str, str]:
    made = api(
        "POST",
        "/api/imports",
        {"resource": "products", "format": "csv", "filename": f"{api.run}.csv"},
    )
    assert made.status == 201, made.body
    document: dict[str, str] = made.json
    return document


def upload(api: Deployment, job: dict[str, str], data: bytes) -> None:
    url = next(
        value
        for name, value in job.items()
        if name.endswith("url") and value and "incoming" in value
    )
    response = api.send("PUT", url, data, {})
    assert response.status == 200, response.body


def test_presigned_url_names_the_region(api: Deployment) -> None:
    region = api.region()
    if region is None:
        pytest.skip("not an API Gateway's own host name")
    url = next(
        value for value in announce(api).values() if isinstance(value, str) and "incoming" in value
    )
    assert f".s3.{region}.amazonaws.com" in (urlsplit(url).hostname or "")


def test_file_is_imported_with_rejects(api: Deployment, category: str) -> None:
    job = announce(api)
    rows = [f"{api.run} imported {n},of a file,1.5{n},{category},{n}" for n in range(3)]
    bad = f"{api.run} bad,,not a price,{category},1"
    upload(api, job, "\n".join(["name,description,price,category,inventory", *rows, bad]).encode())
    path = f"/api/imports/{job['id']}"
    done = api.until(
        lambda: api("GET", path), lambda response: response.json["status"] in ENDS
    ).json
    assert (done["status"], done["error"]) == ("completed", None)
    assert (done["rows_read"], done["rows_written"], done["rows_rejected"]) == (4, 3, 1)
    rejects = api.send("GET", done["rejects_url"], None, {})
    assert rejects.status == 200
    assert b"price" in rejects.body
    found = api("GET", f"/api/products?category={category}&search=imported&sort=name:asc").json[
        "data"
    ]
    assert [(product["price"], product["inventory"]) for product in found] == [
        ("1.50", 0),
        ("1.51", 1),
        ("1.52", 2),
    ]
