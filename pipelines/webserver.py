"""Dagster's webserver, and beside its pages what the home has published: ``/published/…`` for reading and downloading.

Pages (HTML) and the pseudonymous workbooks of lists only; nothing with identity lies in a publication, and databases,
``released`` and ``vault`` are not reachable. Viewers (``--read-only``) see pages about many people, and no lists.
"""

from __future__ import annotations

import html
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipelines.store import Store

ROUTE = "/published"
SHOWN = {
    ".html": "text/html; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""What is handed out, by the ending of its name, and as what."""

LISTS = "lists"
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
PAGE = """<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>{title}</title>
<style>body {{ font: 16px/1.5 Arial, sans-serif; margin: 2rem auto; max-width: 50rem; padding: 0 1rem; color: #111; }}
a {{ color: #0b3d91; }}</style></head><body><h1>{title}</h1>{body}</body></html>"""
TITLE = "What is published"
NOTHING = "<p>Nothing is published yet.</p>"


def link_to(name: str) -> str:
    """Where the pages of ``anticipate ui`` hand out a file of the current publication, from the root of the site."""
    return f"{ROUTE}/{quote(name)}"


def published_files(published: Path, *, lists: bool) -> list[str]:
    """Names of what is handed out of the current publication, in order; empty when nothing is published."""
    current = (published / "current").resolve()
    found = sorted(p.relative_to(current) for p in current.rglob("*") if p.is_file() and p.suffix in SHOWN)
    return [p.as_posix() for p in found if lists or p.parts[0] != LISTS]


def published_file(published: Path, name: str, *, lists: bool) -> Path | None:
    """The file of that name in the current publication; None for whatever is not handed out."""
    return (published / "current" / name).resolve() if name in published_files(published, lists=lists) else None


def index_page(published: Path, *, lists: bool) -> str:
    """A page of links to everything that is handed out, newest lists first."""
    names = published_files(published, lists=lists)
    pages = [n for n in names if "/" not in n]
    folders = sorted({n.rsplit("/", 1)[0] for n in names if "/" in n}, reverse=True)
    body = _links(pages, "") + "".join(
        f"<h2>{html.escape(f)}</h2>" + _links([n for n in names if n.rsplit("/", 1)[0] == f], f"{f}/") for f in folders
    )
    return PAGE.format(title=TITLE, body=body if names else NOTHING)


def _links(names: list[str], beneath: str) -> str:
    rows = (f'<li><a href="{link_to(n)}">{html.escape(n.removeprefix(beneath))}</a></li>' for n in names)
    return f"<ul>{''.join(rows)}</ul>"


def routes(store: Store, *, lists: bool) -> list[Any]:
    """The two routes of Starlette: the page of links, and one file."""
    from starlette.requests import Request
    from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
    from starlette.routing import Route

    async def index(_: Request) -> Response:
        return HTMLResponse(index_page(store.published, lists=lists), headers=HEADERS)

    async def one(request: Request) -> Response:
        path = published_file(store.published, request.path_params["name"], lists=lists)
        if path is None:
            return PlainTextResponse("There is nothing of that name to show.\n", status_code=404, headers=HEADERS)
        return FileResponse(path, media_type=SHOWN[path.suffix], headers=HEADERS)

    return [Route(ROUTE, index), Route(f"{ROUTE}/", index), Route(f"{ROUTE}/{{name:path}}", one)]


def main() -> None:
    """Run Dagster's own command with the routes above before its own; it has no public way to add one."""
    from dagster_webserver import app, cli

    store = Store.at(Path(os.environ["ANTICIPATE_HOME"]))
    own = routes(store, lists="--read-only" not in sys.argv)

    class Webserver(app.DagsterWebserver):
        def build_routes(self) -> list[Any]:
            return [*own, *super().build_routes()]

    app.DagsterWebserver = Webserver  # type: ignore[misc]
    cli.main()


if __name__ == "__main__":
    main()
