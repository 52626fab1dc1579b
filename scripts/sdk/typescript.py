"""Generate the TypeScript client with openapi-typescript, for the layer of clients/typescript."""

import json
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.sdk.document import Schema, for_clients, keyed_posts

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "clients/typescript"
TOOLS = SOURCE / "node_modules/.bin"
KEYED_POSTS = """/** The paths whose POST reads `Idempotency-Key`. Generated. */
export const KEYED_POSTS: ReadonlySet<string> = new Set({paths});
"""


def generate(document: Schema, name: str, folder: Path) -> str:
    """Write the package `<name>-client` into `folder`, compile it, and return how to install it."""
    install_tools()
    package = f"{name}-client".replace("_", "-")
    prepared = for_clients(document)
    shutil.rmtree(folder / "src", ignore_errors=True)
    shutil.rmtree(folder / "dist", ignore_errors=True)
    shutil.copytree(SOURCE / "src", folder / "src")
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "openapi.json"
        path.write_text(json.dumps(prepared))
        target = folder / "src/schema.ts"
        command = [str(TOOLS / "openapi-typescript"), str(path), "--output", str(target)]
        subprocess.run(command, check=True, capture_output=True, text=True)
    paths = json.dumps(keyed_posts(prepared), indent=2)
    (folder / "src/keyed-posts.ts").write_text(KEYED_POSTS.format(paths=paths))
    for file in ("package.json", "package-lock.json", "README.md"):
        text = (SOURCE / file).read_text().replace("sluice-client", package)
        (folder / file).write_text(text)
    for path in (SOURCE / "tsconfig.json", SOURCE / ".npmrc", ROOT / "LICENSE"):
        shutil.copy2(path, folder / path.name)
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(SOURCE / "node_modules")  # `npm ci` replaces it
    subprocess.run([TOOLS / "tsc", "--project", folder / "tsconfig.json"], check=True)
    return f"Install it: npm install {folder}"


def install_tools() -> None:
    """Install the generator and the compiler once, and again when their versions change."""
    installed = SOURCE / "node_modules/.installed.json"
    lock = (SOURCE / "package-lock.json").read_text()
    if installed.exists() and installed.read_text() == lock:
        return
    subprocess.run(["npm", "ci", "--silent"], cwd=SOURCE, check=True)
    installed.write_text(lock)
