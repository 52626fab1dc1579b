"""The door of the emulated AWS services: only the services that the system uses, and no request of a browser page.

moto checks no signatures, so that whatever reaches it may read keys and write files. It would serve every AWS service
too, of which some run code.
"""

from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from local.origins import NAMES, authority_of, is_here, is_navigation

SERVICES = frozenset({"dynamodb", "s3", "sqs", "secretsmanager", "sts"})
HOSTS = NAMES | {"host.docker.internal"}  # as containers name this machine: containers.py

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


class Refused(Exception):
    """The request may not come in."""


class Door:
    """A WSGI application: moto's, behind the checks."""

    def __init__(self) -> None:
        self._services = DomainDispatcherApplication(_backend)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            require_local(environ)
            application = self._services.get_application(environ)
        except Refused as refused:
            return _answer(start_response, "403 Forbidden", str(refused))
        except (LookupError, ValueError, AttributeError):  # moto cannot tell which service is meant
            return _answer(start_response, "400 Bad Request", "This names no service")
        served: Iterable[bytes] = application(environ, start_response)
        return served


def require_local(environ: Environ) -> None:
    """Refused unless the request names this machine and is of no page; a link to a file may be followed.

    Any port will do: clients may reach the services through another one, and a page cannot choose what its browser
    sends as Host.
    """
    named = [environ.get("HTTP_HOST", ""), authority_of(environ.get("REQUEST_URI", "/"))]
    if not all(is_here(host, None, HOSTS) for host in named if host is not None):
        raise Refused("The emulated AWS services answer to loopback hosts only")
    site = environ.get("HTTP_SEC_FETCH_SITE", "none").lower()
    from_page = site not in ("none", "same-origin")
    if "HTTP_ORIGIN" in environ or (
        from_page
        and not is_navigation(environ.get("HTTP_SEC_FETCH_MODE", ""), environ["REQUEST_METHOD"])
    ):
        raise Refused("The emulated AWS services answer no page")


def _backend(service: Any) -> Any:
    if service not in SERVICES:
        raise Refused("This service is not emulated here")
    return create_backend_app(service)


def _answer(start_response: StartResponse, status: str, text: str) -> list[bytes]:
    body = f"{text}\n".encode()
    start_response(
        status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    )
    return [body]
