"""Limit the emulated AWS services to local clients and to the services that the system uses.

moto checks no signatures, so a web page that reaches it could read keys and write files. It would
also serve every other AWS service, and some of them run code.
"""

from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from local.origins import NAMES, is_loopback_host, is_navigation, target_authority

SERVICES = frozenset({"dynamodb", "s3", "sqs", "secretsmanager", "sts"})
HOSTS = NAMES | {"host.docker.internal"}  # containers use this name, see docker_bridge.py

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class RequestRejected(Exception):
    """The request is not allowed (403)."""


class ServiceFilter:
    """A WSGI application that checks requests and passes them to moto."""

    def __init__(self) -> None:
        self._services = DomainDispatcherApplication(_backend)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            require_local(environ)
            application = self._services.get_application(environ)
        except RequestRejected as error:
            return _text_response(start_response, "403 Forbidden", str(error))
        except (LookupError, ValueError, AttributeError):  # moto cannot determine the service
            return _text_response(start_response, "400 Bad Request", "The request names no service")
        served: Iterable[bytes] = application(environ, start_response)
        return served


def require_local(environ: Environ) -> None:
    """Raise RequestRejected if the host name is not a local one, or if a web page sent the request.

    A navigation, such as a link to a file, is allowed. The port is not checked: clients may reach
    the services through another port, and a page cannot choose the Host header.
    """
    hosts = [environ.get("HTTP_HOST", ""), target_authority(environ.get("REQUEST_URI", "/"))]
    if not all(is_loopback_host(host, None, HOSTS) for host in hosts if host is not None):
        raise RequestRejected("The emulated AWS services accept loopback host names only")
    site = environ.get("HTTP_SEC_FETCH_SITE", "none").lower()
    from_page = site not in ("none", "same-origin")
    if "HTTP_ORIGIN" in environ or (
        from_page
        and not is_navigation(environ.get("HTTP_SEC_FETCH_MODE", ""), environ["REQUEST_METHOD"])
    ):
        raise RequestRejected("The emulated AWS services reject requests of web pages")


def _backend(service: Any) -> Any:
    if service not in SERVICES:
        raise RequestRejected("This service is not emulated here")
    return create_backend_app(service)


def _text_response(start_response: StartResponse, status: str, text: str) -> list[bytes]:
    body = f"{text}\n".encode()
    start_response(
        status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    )
    return [body]
