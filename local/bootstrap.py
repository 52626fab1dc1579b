"""Start the runtime in a sandbox, as Lambda's bootstrap does.

    python -s -P bootstrap.py PARENT_PID MEMORY_MB|- SITE_PACKAGES|- TRACE_FD HANDLER

It runs as a file, not as a module, so that a function cannot import this repository. SITE_PACKAGES
is set for a function that `sam build` built (started with -S). Then only the packages of Lambda's
Python image can be imported from that folder; all others must be in the layer, as on AWS. TRACE_FD
is the pipe for statement_trace.py.
"""

import importlib.abc
import importlib.machinery
import runpy
import sys
from pathlib import Path
from typing import Any

# The packages of Lambda's Python image (/var/runtime).
IMAGE_PACKAGES = frozenset(
    {"awslambdaric", "boto3", "botocore", "dateutil", "jmespath", "runtime_client", "s3transfer"}
    | {"simplejson", "six", "snapshot_restore_py", "urllib3"}
)


class ImagePackages(importlib.abc.MetaPathFinder):
    """Finds only the packages of Lambda's image in a folder that also has other packages."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname in IMAGE_PACKAGES:
            return importlib.machinery.PathFinder.find_spec(fullname, [self._folder])
        return None


def main() -> None:
    """Set the parent death signal, the memory limit, the trace and the import path, then serve."""
    parent, memory, packages, trace, handler = sys.argv[1:]
    _neighbour("parent_death.py")["set_parent_death_signal"](int(parent))
    if memory != "-":
        import resource  # it does not exist on Windows

        limit = int(memory) * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    sys.path.insert(0, str(Path.cwd()))  # the function's folder comes before its layers
    if packages != "-":
        sys.meta_path.append(ImagePackages(packages))
    _neighbour("statement_trace.py")["install"](int(trace))
    sys.argv = ["awslambdaric", handler]
    serve()


def _neighbour(name: str) -> dict[str, Any]:
    """Run a file of this folder, which is not on the path, and return its names."""
    return runpy.run_path(str(Path(__file__).with_name(name)))


def serve() -> None:
    """Run awslambdaric with an address of the Runtime API whose path is a secret.

    awslambdaric's compiled client accepts such an address. Its Python client, which reports errors
    of the initialisation, does not; therefore it is replaced here.
    """
    from awslambdaric import bootstrap
    from awslambdaric.lambda_config import LambdaConfigProvider
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

    config = LambdaConfigProvider(sys.argv)
    address, _, secret = config.api_address.partition("/")

    class RuntimeClient(LambdaRuntimeClient):  # type: ignore[misc]  # awslambdaric is untyped
        def call_rapid(
            self, http_method: str, endpoint: str, *arguments: object, **named: object
        ) -> None:
            super().call_rapid(http_method, f"/{secret}{endpoint}", *arguments, **named)

    bootstrap.run(config.handler, RuntimeClient(address, config.use_thread_polling))


if __name__ == "__main__":
    main()
