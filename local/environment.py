"""The environment variables of a function: Lambda's own, then the template's, then local overrides.

The overrides are what differs on this machine: the endpoints of the emulated services, and a
password instead of a secret. The variables of the developer's shell are not passed on.
"""

import secrets
import time
from collections.abc import Mapping

from local.api_keys import LOCAL_KEYS
from local.intrinsics import REGION
from local.template import LambdaFunction

# Not printed by `make env`: a shell or a debugger needs its own values.
NOT_EXPORTED = frozenset({"PATH", "LANG", "LD_LIBRARY_PATH", "AWS_LAMBDA_RUNTIME_API"})
# /console needs metrics every second, a deployment writes them once a minute. Pages of a
# development server (http://localhost:5173) may call the API. /docs lists the local keys.
LOCAL_SETTINGS = {
    "SLUICE_METRICS_INTERVAL": "1",
    "SLUICE_CORS_ORIGINS": "loopback",
    "SLUICE_LOCAL_API_KEYS": "; ".join(
        f"{local_key.key}: {local_key.description}" for local_key in LOCAL_KEYS
    ),
}


def aws_env_vars(endpoint: str, ca_file: str = "") -> dict[str, str]:
    """Return the variables that direct AWS clients to the emulated services.

    `ca_file` has the certificate authority of a TLS endpoint.
    """
    services = ("DYNAMODB", "S3", "SQS", "SECRETS_MANAGER")
    bundle = {"AWS_CA_BUNDLE": ca_file} if ca_file else {}
    return {f"AWS_ENDPOINT_URL_{service}": endpoint for service in services} | bundle


def function_env_vars(function: LambdaFunction, overrides: Mapping[str, str]) -> dict[str, str]:
    """Return all environment variables of `function`, except AWS_LAMBDA_RUNTIME_API.

    Each sandbox adds the address of its own Runtime API.
    """
    log_format = {}
    if function.log_format == "JSON":
        log_format = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}
    log_stream = time.strftime("%Y/%m/%d/[$LATEST]", time.gmtime()) + secrets.token_hex(16)
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": ":".join(str(layer) for layer in function.layers),
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": str(function.folder),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        **log_format,
        "SLUICE_SERVER_TIMING": "on",
        **function.variables,
        **overrides,
    }
