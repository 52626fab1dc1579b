"""Host names of AWS services by region. Those of S3 come from botocore."""

# By the prefix of the region. Other regions are in the partition aws or aws-us-gov.
_DNS_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
}


def dns_suffix(region: str) -> str:
    """Return the DNS suffix of the region's partition, CloudFormation's `AWS::URLSuffix`."""
    return next(
        (suffix for prefix, suffix in _DNS_SUFFIXES.items() if region.startswith(prefix)),
        "amazonaws.com",
    )


def host(service: str, region: str, *, fips: bool = False) -> str:
    """Return the regional host of `service`.

    With `fips` it is the host whose cryptography is validated for FIPS 140. In AWS GovCloud (US),
    the usual host of SQS is already validated.
    """
    usual_host_is_fips = service == "sqs" and region.startswith("us-gov-")
    suffix = "-fips" if fips and not usual_host_is_fips else ""
    return f"{service}{suffix}.{region}.{dns_suffix(region)}"
