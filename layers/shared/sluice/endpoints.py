"""The host name of an AWS service in a region. Not in here: S3, whose host names botocore makes from its own data."""

# By the prefix of the region's name, longest first. Every other region is in the partition `aws` or `aws-us-gov`.
_DNS_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
}


def dns_suffix(region: str) -> str:
    """Return the domain of the region's partition, which CloudFormation calls `AWS::URLSuffix`."""
    return next(
        (suffix for prefix, suffix in _DNS_SUFFIXES.items() if region.startswith(prefix)),
        "amazonaws.com",
    )


def host(service: str, region: str, *, fips: bool = False) -> str:
    """Return the regional host of `service`; with `fips` the one whose cryptography is validated for FIPS 140."""
    second_name = fips and not (
        service == "sqs" and region.startswith("us-gov-")
    )  # there the usual one is validated
    return f"{service}{'-fips' if second_name else ''}.{region}.{dns_suffix(region)}"
