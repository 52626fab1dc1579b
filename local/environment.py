"""What does a function find in its environment? What Lambda sets, what the template says, and nothing of the shell's.

The overlay is what differs on this machine: endpoints of the emulated services and a password
in place of a secret.
"""

import secrets
import time
from collections.abc import Mapping

from local.api_keys import KEYS
from local.intrinsics import REGION
from local.template import LambdaFunction

# Where a shell or a debugger has better values of its own.
NOT_EXPORTED = frozenset({"PATH", "LANG", "LD_LIBRARY_PATH", "AWS_LAMBDA_RUNTIME_API"})
# What differs on this machine beside endpoints: /console needs a line of metrics each second, where a deployment writes
# one a minute; and pages of a development server (http://localhost:5173) may call the API.
# /docs names the keys that work here.
SETTINGS = {
    "SLUICE_METRICS_INTERVAL": "1",
    "SLUICE_CORS_ORIGINS": "loopback",
    "SLUICE_LOCAL_API_KEYS": "; ".join(f"{known.key}: {known.meaning}" for known in KEYS),
}


def aws_env_vars(endpoint: str, ca_file: str = "") -> dict[str, str]:
    """Points every AWS client at the emulated services; the credentials are accepted by nobody else."""
    services = ("DYNAMODB", "S3", "SQS", "SECRETS_MANAGER")
    authorities = {"AWS_CA_BUNDLE": ca_file} if ca_file else {}
    return {f"AWS_ENDPOINT_URL_{service}": endpoint for service in services} | authorities


def function_env_vars(function: LambdaFunction, overlay: Mapping[str, str]) -> dict[str, str]:
    """Everything but the address of the Runtime API, which each sandbox has for itself."""
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
        "AWS_LAMBDA_LOG_STREAM_NAME": time.strftime("%Y/%m/%d/[$LATEST]", time.gmtime())
        + secrets.token_hex(16),
        **(
            {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}
            if function.log_format == "JSON"
            else {}
        ),
        "SLUICE_SERVER_TIMING": "on",
        **function.variables,
        **overlay,
    }
