"""Write the parts of template.yaml that the application determines: functions, paths and alarms.

Such a part is between the lines `# <application: NAME>` and `# </application>`. The template of an
application that is not the default one is that at the top with other parts.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from local.intrinsics import load_template
from scripts.derive import template_texts as texts
from scripts.derive.scan import LAYER, Found
from scripts.derive.template_limits import require_within_limits
from sluice import application
from sluice.application import Application, ApplicationFunction

TARGET = Path(__file__).parents[2] / "template.yaml"
REGION = re.compile(
    r"^(?P<start> *# <application: (?P<name>\w+)>\n)(?P<body>.*?)(?P<end> *# </application>\n)",
    re.MULTILINE | re.DOTALL,
)


DOCS = "CodeUri: functions/docs\n"
HEAD = """\
# Derived from template.yaml by `make derive`: do not edit. Paths of code begin at the top of the
# repository: sam build --template-file deploy/{app}/template.yaml --base-dir .
"""
MAX_PATHS = 250  # of the application; the engine has some, too
MAX_PERMISSIONS = 20  # of a function; a group of more resources has one for the whole API
NESTED = "      TemplateURL: "  # SAM reads these paths from the folder of the template


def files(found: Found) -> dict[Path, str]:
    """Return the template with the parts of the current application.

    Raise DeclarationError if it would exceed a quota of AWS.
    """
    require_within_limits(document(), found.app.name)
    text = render(TARGET.read_text(), application.current())
    if found.artefacts is None or found.is_default:
        return {TARGET: text}
    text = HEAD.format(app=found.app.name) + text.replace(NESTED, f"{NESTED}../../")
    return {found.artefacts / TARGET.name: text}


def document() -> dict[str, Any]:
    """Return the parsed template of the current application, with the present declarations."""
    return load_template(TARGET, partial(render, app=application.current()))


def render(template: str, app: Application) -> str:
    """Return the template with the application's parts. Raise KeyError for an unknown part."""
    rendered = REGION.sub(
        lambda region: region["start"] + PARTS[region["name"]](app) + region["end"], template
    )
    if app.name == application.default_of_checkout() or not (LAYER / app.name).is_dir():
        return rendered
    return rendered.replace(DOCS, f"CodeUri: deploy/{app.name}/docs\n")


def logical_id(function: ApplicationFunction) -> str:
    """Return the name of the function in the template, such as ProductsFunction."""
    return f"{_name(function)}Function"


def _name(function: ApplicationFunction) -> str:
    return _title(Path(function.code).name)


def _title(name: str) -> str:
    return "".join(word.title() for word in name.split("_"))


def _fill(text: str, **values: str) -> str:
    """Return the text with each `<name>` replaced by its value."""
    for name, value in values.items():
        text = text.replace(f"<{name}>", value)
    return text


def _path(path: str) -> str:
    return f'"{path}"' if "{" in path else path


def _app_name(app: Application) -> str:
    return f"        SLUICE_APP: {app.name}\n"


def _paths(app: Application) -> str:
    paths: dict[str, str] = {}
    of_fallback = app.functions[_fallback(app)] if _has_many_paths(app) else None
    for function in app.functions:
        paths |= dict.fromkeys(function.paths.values(), texts.PATH)
        integrated = _fill(texts.INTEGRATED_PATH, name=_name(function))
        for more in function.more_resources.values() if function is not of_fallback else ():
            paths |= dict.fromkeys(more, integrated)
    return "".join(_fill(paths[path], path=_path(path)) for path in sorted(paths))


def _fallback(app: Application) -> int:
    """Return the number of the function that gets the requests of unknown paths."""
    sizes = [len(function.more_resources) for function in app.functions]
    return sizes.index(max(sizes))


def _has_many_paths(app: Application) -> bool:
    """Return whether the largest group has no paths but that of the fallback.

    Otherwise the API could have more routes than AWS allows.
    """
    paths = (path for function in app.functions for path in function.all_paths)
    return len({*paths}) > MAX_PATHS


def _permissions(function: ApplicationFunction) -> str:
    """Return the permissions to invoke the function for paths that are no events of it.

    A function's policy has at most 20 KB, which is enough for some thirty permissions.
    """
    if len(function.more_resources) > MAX_PERMISSIONS:
        return _fill(texts.PERMISSION, resource=f"{_name(function)}Group", path="")
    return "".join(
        _fill(texts.PERMISSION, resource=_title(resource), path=resource)
        for resource in function.more_resources
    )


def _functions(app: Application) -> str:
    blocks = []
    with_fallback = _fallback(app)
    for number, function in enumerate(app.functions):
        paths = [*function.paths.items(), *([texts.FALLBACK] if number == with_fallback else [])]
        events = "".join(_fill(texts.EVENT, event=event, path=_path(path)) for event, path in paths)
        analyst = function.analyst
        block = _fill(
            texts.FUNCTION,
            metadata=texts.ANALYST_METADATA if analyst else "",
            environment=texts.ANALYST_ENVIRONMENT if analyst else "",
            analyst_access=texts.ANALYST_ACCESS if analyst else "",
            events=events,
            permissions=_permissions(function),
            code=function.code,
            name=_name(function),
            log_name=Path(function.code).name.replace("_", "-"),
        )
        blocks.append(block)
    return "\n".join(blocks)


def _alarms(kind: str, condition: str = "") -> Callable[[Application], str]:
    """Return the function that writes an alarm for each function."""
    text = _fill(texts.ALARM, kind=kind, anchor=kind.lower(), condition=condition)
    return lambda app: "".join(_fill(text, name=_name(function)) for function in app.functions)


def _canary_alarms(app: Application) -> str:
    return "\n".join(_fill(texts.CANARY, name=_name(function)) for function in app.functions)


def _logs(app: Application) -> str:
    return "".join(f"        - !Ref {_name(function)}Logs\n" for function in app.functions)


def _budget(app: Application) -> str:
    analysts = sum(function.analyst for function in app.functions)
    times = f"{analysts} x " if analysts > 1 else ""
    return _fill(
        texts.BUDGET,
        resources=str(len(app.functions) + 1),  # and GraphQL
        analysts=f" + {times}${{FunctionConcurrency}} analysts" if analysts else "",
    )


IN_PRODUCTION = "    Condition: IsProduction\n"
PARTS: dict[str, Callable[[Application], str]] = {
    "name": _app_name,
    "paths": _paths,
    "functions": _functions,
    "errors": _alarms("Errors"),
    "canary": _canary_alarms,
    "throttles": _alarms("Throttles", IN_PRODUCTION),
    "slow": _alarms("Slow", IN_PRODUCTION),
    "logs": _logs,
    "budget": _budget,
}
