"""The first thing to run in a sandbox: what Lambda's own bootstrap does before it calls the runtime.

    python -s -P bootstrap.py PARENT_PID MEMORY_MB|- SITE_PACKAGES|- HANDLER

Runs as a file, not as a module: nothing of this repository may be importable to a function. With SITE_PACKAGES
(a function built by `sam build`, started with -S) of that folder only what Lambda's Python image holds
can be imported; every other dependency must be in the layer, as in the cloud.
"""

import importlib.abc
import importlib.machinery
import runpy
import sys
from pathlib import Path

# The image's own packages (/var/runtime).
IN_THE_IMAGE = frozenset(
    {"awslambdaric", "boto3", "botocore", "dateutil", "jmespath", "runtime_client", "s3transfer"}
    | {"simplejson", "six", "snapshot_restore_py", "urllib3"}
)


class ImagePackages(importlib.abc.MetaPathFinder):
    """Finds the image's packages in a folder that holds many more."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname in IN_THE_IMAGE:
            return importlib.machinery.PathFinder.find_spec(fullname, [self._folder])
        return None


def main() -> None:
    parent, memory, packages, handler = sys.argv[1:]
    runpy.run_path(str(Path(__file__).with_name("parent_death.py")))["die_with"](int(parent))
    if memory != "-":
        import resource  # there is none on Windows

        limit = int(memory) * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    sys.path.insert(0, str(Path.cwd()))  # the function's folder comes before its layers
    if packages != "-":
        sys.meta_path.append(ImagePackages(packages))
    sys.argv = ["awslambdaric", handler]
    serve()


def serve() -> None:
    """Do what awslambdaric's `main` does, with an address that has a path: the secret that opens the Runtime API.

    Its compiled client takes such an address as it is; the one in Python, for errors of the initialisation, does not.
    """
    from awslambdaric import bootstrap
    from awslambdaric.lambda_config import LambdaConfigProvider
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

    config = LambdaConfigProvider(sys.argv)
    address, _, secret = config.api_address.partition("/")

    class Client(LambdaRuntimeClient):  # type: ignore[misc]  # awslambdaric is untyped
        def call_rapid(
            self, http_method: str, endpoint: str, *arguments: object, **named: object
        ) -> None:
            super().call_rapid(http_method, f"/{secret}{endpoint}", *arguments, **named)

    bootstrap.run(config.handler, Client(address, config.use_thread_polling))


if __name__ == "__main__":
    main()
