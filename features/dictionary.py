"""What the declarations say to people and to other programs: data dictionary page, pandera schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandera.polars as pa

from features.declaration import Feature, FeatureSet, load_features

DIRECTIONS = {"up": "rises", "down": "falls", "none": "no expectation"}


def matrix_schema(declared: FeatureSet | None = None) -> pa.DataFrameSchema:
    """Pandera schema of ``matrix.parquet``: one row a person, nullable float32 not below their minimum."""
    import pandera.polars as pa  # imported here: it takes a second, and few callers need it

    declared = declared or load_features()
    columns = {"person_id": pa.Column("int64", unique=True)}
    columns |= {f.name: pa.Column("float32", pa.Check.ge(f.minimum), nullable=True) for f in declared.features}
    return pa.DataFrameSchema(columns, strict=True, ordered=True)


def dictionary_page(declared: FeatureSet | None = None) -> str:
    """The features as a Markdown page, one section a theme."""
    declared = declared or load_features()
    themes = sorted({f.theme for f in declared.features})
    head = [
        "# Features",
        "",
        "One value a person and Monday, from rows that had happened and were known by then. A missing value is",
        "unknown, never zero. Windows count the days before the Monday. Made from `features/declared`; do not edit.",
    ]
    return "\n".join([*head, *(line for theme in themes for line in _section(declared, theme))]) + "\n"


def _section(declared: FeatureSet, theme: str) -> list[str]:
    rows = [_row(declared, f) for f in declared.features if f.theme == theme]
    head = "| feature | meaning | unit | window | read from | risk as it rises | model may use |"
    return ["", f"## {theme[0].upper()}{theme[1:]}", "", head, "|---|---|---|---|---|---|---|", *rows]


def _row(declared: FeatureSet, feature: Feature) -> str:
    source = ", ".join(f"`{t}`" for t in declared.tables_of(feature)) or "`registration`"
    window = f"{feature.window} days" if feature.window else "now or ever"
    cells = [
        f"`{feature.name}`",
        feature.description,
        feature.unit,
        window,
        source,
        DIRECTIONS[feature.direction],
        "yes" if feature.model_use else "no, audit only",
    ]
    return "| " + " | ".join(cells) + " |"
