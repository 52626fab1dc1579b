"""Write docs/reference/: the commands of the Makefile, and the parameters of template.yaml.

It also writes README's figures, which are those of benchmarks/results.md.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from scripts.derive.scan import Found

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
COMMANDS_HEAD = """# Commands

`make help` prints this list. `make derive` writes this page from the Makefile. Each command
installs what it needs. A name in capital letters is a variable: `make run PORT=8080`.

| target | what it does | variables |
| --- | --- | --- |
"""
SETTINGS_HEAD = """# Settings

The parameters of a deployment, with their defaults. `make derive` writes this page from
`template.yaml`. A stage in `samconfig.toml` sets them as `parameter_overrides`.
[Deploying](../deploy.md) explains them. The local system takes them, too:
`make run ARGS='--set LogLevel=DEBUG'`.
"""
FIGURES = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- /figures -->)", re.DOTALL)
DISTANCE = "1 ms"
WARM = ("GET one", "list 100", "POST order")
HEADINGS = ("ms", "read one row", "list 100 rows", "place an order", "cold start")


def files(found: Found) -> dict[Path, str]:
    """Return the pages and README. They are the same for every application."""
    readme = ROOT / "README.md"
    results = (ROOT / "benchmarks/results.md").read_text()
    return {
        REFERENCE / "commands.md": COMMANDS_HEAD + "".join(_commands()),
        REFERENCE / "settings.md": "\n".join([SETTINGS_HEAD, *_settings()]),
        readme: FIGURES.sub(lambda _: figures(results), readme.read_text()),
    }


def _commands() -> Iterator[str]:
    """Yield a row for each documented target, in the order of the Makefile."""
    for name, text in re.findall(
        r"^([a-z0-9-]+):.*?## (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    ):
        first = re.search(r":? (?=[A-Z_]+=)", text)
        what = text[: first.start()] if first else text
        variables = text[first.end() :] if first else ""
        yield f"| `{name}` | {_cell(what)} | {f'`{_cell(variables)}`' if variables else ''} |\n"


def _settings() -> Iterator[str]:
    """Yield a table for each group of parameters."""

    class TemplateLoader(yaml.SafeLoader):
        """YAML with CloudFormation's tags, whose values this page does not need."""

    TemplateLoader.add_multi_constructor("!", lambda *_: None)
    template = yaml.load((ROOT / "template.yaml").read_text(), TemplateLoader)  # noqa: S506  a SafeLoader
    parameters = template["Parameters"]
    for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        yield f"## {group['Label']['default']}\n"
        yield "| parameter | default | meaning |\n| --- | --- | --- |"
        for name in group["Parameters"]:
            parameter = parameters[name]
            default = parameter.get("Default", "")
            values = " ".join(f"`{value}`" for value in parameter.get("AllowedValues", ()))
            text = parameter.get("Description", "")
            meaning = f"{text}. One of: {values}" if text and values else text or values
            yield f"| `{name}` | {f'`{default}`' if default != '' else ''} | {_cell(meaning)} |"
        yield ""


def figures(results: str) -> str:
    """Return README's table: some columns of the warm requests and of the cold starts.

    Raise KeyError if results.md does not have them.
    """
    warm, cold = _table(_at_distance(results), "Warm"), _table(results, "Cold")
    first = next(iter(cold.values()))
    started = next((name for name in first if name.startswith("first ")), "first response")
    lines = [HEADINGS, ["---", *["---:"] * (len(HEADINGS) - 1)]]
    for name, row in warm.items():
        lines.append([name, *[row[column] for column in WARM], cold[name][started]])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _at_distance(results: str) -> str:
    """Return the page with the table of requests at DISTANCE first in its section.

    The section has a table for each distance, after `At 1 ms:`, or one with all distances, whose
    columns are named `GET one, 1 ms`.
    """
    before, found, after = results.partition(f"\nAt {DISTANCE}:\n")
    if found:
        before, warm, _ = before.partition("\n## Warm")
        return f"{before}{warm}\n{after}"
    return results.replace(f", {DISTANCE} |", " |")


def _table(page: str, section: str) -> dict[str, dict[str, str]]:
    """Return the first table of a section: the cells of each row by the names of the columns."""
    text = re.split(rf"^## {section}\b.*$", page, maxsplit=1, flags=re.MULTILINE)[1]
    table = re.search(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    if table is None:
        raise KeyError(section)
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines()
    ]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
