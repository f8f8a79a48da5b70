"""Commands of operations: doctor, backup, restore, forget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.errors import MistakeError, ProblemError

forget = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Remove a person, what a source delivered in a period, or what is past its age.\n\n"
    "Example: `anticipate forget person 128GGYHYYK08N --reason IG-2026-14`",
)


def doctor(context: typer.Context) -> None:
    """Look over installation, settings, rights, disk, key, contracts, models and publication, and say how to mend.

    Example: `anticipate doctor`
    """
    import polars as pl

    from pipelines.doctor import examine
    from pipelines.terminal import show

    found = examine(context.obj)
    rows = [(s.about, s.state, s.says, s.mend) for s in found]
    show(pl.DataFrame(rows, schema=["about", "state", "seen", "how to mend"], orient="row"), str(context.obj.home))
    if bad := [s for s in found if s.state == "problem"]:
        raise ProblemError(f"{len(bad)} problems: {', '.join(dict.fromkeys(s.about for s in bad))}.")


def backup(
    context: typer.Context,
    folder: Annotated[Path | None, typer.Argument(help="Where copies go.", show_default="as the settings say")] = None,
) -> None:
    """Copy the home, also while a run is writing; the key is not in the copy.

    Example: `anticipate backup backups`
    """
    from pipelines.backup import backup as copy
    from pipelines.settings import read_settings
    from pipelines.terminal import console

    settings = read_settings(context.obj).backup
    target = folder or settings.folder
    if target is None:
        raise MistakeError("Name a folder, or set backup.folder in anticipate.toml.")
    done = copy(context.obj, target.absolute(), keep=settings.keep)
    console.print(f"{done.folder}: {done.files:,} files, {done.size / 1e6:,.0f} MB, {done.linked:,} as before.")
    console.print("The key is not in it: keep a copy of the key in another place.")


def restore(
    context: typer.Context,
    copy: Annotated[Path, typer.Argument(help="A copy made by `anticipate backup`.")],
    key_file: Annotated[Path | None, typer.Option(help="The key of the home that was copied.")] = None,
) -> None:
    """Make a home from a copy, in an empty place; every file is compared with what was noted.

    Example: `anticipate --home restored restore backups/2026-01-05T060000Z --key-file person.key`
    """
    from pipelines.backup import restore as bring_back
    from pipelines.lock import writing
    from pipelines.terminal import console

    store = context.obj
    if store.home.exists() and any(store.home.iterdir()):
        raise MistakeError(f"{store.home} holds something already; name an empty place with --home.")
    files = bring_back(store, copy.absolute(), key_file=key_file)
    with writing(store.home, "restore"):
        store.sweep()
    console.print(f"{files:,} files restored to {store.home}. Look it over: anticipate --home {store.home} doctor")


def docs(folder: Annotated[Path, typer.Argument(help="Where to write it.")]) -> None:
    """Write the handbook as a static site: all pages, and those made from contracts, features, commands, settings.

    Example: `anticipate docs build/handbook`
    """
    from pipelines.handbook import build
    from pipelines.terminal import console

    console.print(f"{build(folder):,} pages; begin with {folder / 'index.html'}", soft_wrap=True)


@forget.command("person")
def forget_one(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="PERSON_ID", help="13 letters and digits, or an NHS number.")],
    reason: Annotated[str, typer.Option(help="The decision behind it, e.g. its reference; the person is not named.")],
) -> None:
    """Remove one person from vault, received files, lake, features, workbooks and pages; search every file afterwards.

    Example: `anticipate forget person 128GGYHYYK08N --reason IG-2026-14`
    """
    from pipelines.forget import forget_person, sentences
    from pipelines.lock import writing
    from pipelines.terminal import console

    with writing(context.obj.home, "forget"):
        done = forget_person(context.obj, reference, reason=reason)
    for line in sentences(done):
        console.print(line, soft_wrap=True)
    if done.remaining:
        raise ProblemError(f"{len(done.remaining)} files still name the person.")


@forget.command("expired")
def forget_expired(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
) -> None:
    """Remove files older than `anticipate.toml` says (`[retention]`), and released lists past their delete-by date.

    Example: `anticipate forget expired --dry-run`
    """
    import datetime as dt

    from pipelines.lock import writing
    from pipelines.retention import counted, expired, remove_expired
    from pipelines.terminal import console

    now = dt.datetime.now(tz=dt.UTC)
    if dry_run:
        found = counted(expired(context.obj, now.date()))
    else:
        with writing(context.obj.home, "forget expired"):
            found = remove_expired(context.obj, now)
    for kind, count in found.items():
        console.print(f"{count:>7,} {kind}{' to be removed' * dry_run}", highlight=False)


@forget.command("source")
def forget_source(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help="The source.")],
    first: Annotated[str, typer.Option("--from", help="First day received, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last day received, YYYY-MM-DD.")],
    reason: Annotated[str, typer.Option(help="The decision behind it.")],
) -> None:
    """Remove what a source delivered from one day to another, and fold what is left anew.

    Example: `anticipate forget source ambulance --from 2026-01-01 --to 2026-01-31 --reason IG-2026-15`
    """
    import datetime as dt

    from pipelines.forget import forget_period, sentences
    from pipelines.lock import writing
    from pipelines.terminal import console

    try:
        days = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    except ValueError:
        raise MistakeError("Write the days as YYYY-MM-DD.") from None
    with writing(context.obj.home, "forget"):
        done = forget_period(context.obj, source, *days, reason=reason)
    for line in sentences(done):
        console.print(line, soft_wrap=True)
