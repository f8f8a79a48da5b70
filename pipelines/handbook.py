"""The documentation as a static site: the pages of the checkout and those made from the declarations, links followed.

No page is written twice: reference pages exist only here, made from what the product runs by.
"""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

from pipelines.reference_pages import pages

ROOT = Path(__file__).parents[1]
GROUPS = {
    "Tutorials": ("README.md", "docs/new-source.md"),
    "How-to": ("docs/operations.md", "docs/contracts.md", "CONTRIBUTING.md"),
    "Reference": (
        "docs/definitions.md",
        "docs/reference/sources.md",
        "docs/reference/features.md",
        "docs/reference/outcomes.md",
        "docs/reference/indicators.md",
        "docs/reference/commands.md",
        "docs/reference/settings.md",
        "GLOSSARY.md",
    ),
    "Explanation": ("docs/time-and-identity.md", "docs/architecture.md", "docs/performance.md"),
}
_STYLE = """
body { font: 16px/1.5 Arial, "Liberation Sans", sans-serif; color: #111; margin: 0; display: flex; flex-wrap: wrap; }
nav { flex: 0 0 15rem; padding: 1rem; background: #eef2f7; }
nav h2 { font-size: 1rem; margin: .8rem 0 .2rem; }
nav ul { margin: 0; padding-left: 1.1rem; }
main { flex: 1 1 40rem; max-width: 60rem; padding: 1rem 2rem; min-width: 0; }
a { color: #0b3d91; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid #767676; padding: .25rem .5rem; text-align: left; vertical-align: top; }
pre { background: #f3f3f3; padding: .6rem; overflow-x: auto; }
img { max-width: 100%; }
"""


def sources() -> dict[str, str]:
    """Every page by its path in the checkout: written ones, then those made from declarations."""
    rooms = [p.parent for p in ROOT.glob("*/__init__.py")]
    written = sorted(
        [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(p for r in rooms for p in r.rglob("README.md"))]
    )
    found = {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in written}
    return found | {f"docs/reference/{name}": text for name, text in pages().items()}


def build(folder: Path) -> int:
    """Write the site below a folder; its first page is ``index.html``.

    Returns:
        How many pages were written.
    """
    found = sources()
    listed = {page for group in GROUPS.values() for page in group}
    groups = {**GROUPS, "More": tuple(sorted(set(found) - listed))}
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in found.items():
        target = folder / _address(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_page(name, text, found, groups), encoding="utf-8")
    for path in (ROOT / "docs").rglob("*"):
        if path.is_file() and path.suffix != ".md":
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    shutil.copyfile(folder / _address("README.md"), folder / "index.html")
    return len(found)


def _address(name: str) -> str:
    return name.removesuffix(".md") + ".html"


def _title(text: str, name: str) -> str:
    first = re.search(r"^# (.+)$", text, flags=re.MULTILINE)
    return first[1].strip() if first else name


def _page(name: str, text: str, found: dict[str, str], groups: dict[str, tuple[str, ...]]) -> str:
    from markdown_it import MarkdownIt

    body = _with_anchors(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))
    up = "../" * name.count("/")
    body = re.sub(r'href="([^"]+)"', lambda m: f'href="{_link(m[1], name)}"', body)
    menu = []
    for group, members in groups.items():
        links = "".join(
            f'<li><a href="{up}{_address(m)}">{html.escape(_title(found[m], m))}</a></li>'
            for m in members
            if m in found
        )
        menu.append(f"<h2>{group}</h2><ul>{links}</ul>")
    title = html.escape(_title(text, name))
    return (
        f'<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><nav>{''.join(menu)}</nav><main>{body}</main></body></html>\n"
    )


def _with_anchors(body: str) -> str:
    """Headings get the anchors that links in Markdown use."""

    def heading(match: re.Match[str]) -> str:
        plain = html.unescape(re.sub(r"<[^>]+>", "", match[2])).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")
        return f'<h{match[1]} id="{anchor}">{match[2]}</h{match[1]}>'

    return re.sub(r"<h([1-6])>(.*?)</h\1>", heading, body)


def _link(target: str, name: str) -> str:
    """Links to pages lead to pages of the site; those to files of the checkout stay outside it, as their names."""
    if re.match(r"[a-z]+:|#", target):
        return target
    path, _, anchor = target.partition("#")
    if path.endswith(".md"):
        return _address(path) + (f"#{anchor}" if anchor else "")
    if path.endswith("/") and (ROOT / name).parent.joinpath(path).is_dir():
        first = next(iter(sorted((ROOT / name).parent.joinpath(path).glob("*.md"))), None)
        return f"{path}{_address(first.name)}" if first else target
    return target
