"""Whole files that are built wrong: headings, delimiters, line ends, bytes, packing."""

from __future__ import annotations

import gzip
import io
import zipfile

import polars as pl

from tests.deliveries import nhs_number
from tests.faults.sender import ANY, Case, good, sheet, spoilt, three


def head_of(source: str) -> str:
    return three(source).splitlines(keepends=True)[0]


def rows_of(source: str) -> str:
    return "".join(three(source).splitlines(keepends=True)[1:])


def many(source: str, count: int) -> str:
    return sheet([good(source, n) for n in range(count)])


def zipped(*members: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 5, 6, 0, 0)), content)
    return packed.getvalue()


def parquet(frame: pl.DataFrame) -> bytes:
    packed = io.BytesIO()
    frame.write_parquet(packed)
    return packed.getvalue()


def frame_of(source: str) -> pl.DataFrame:
    return pl.read_csv(io.StringIO(three(source)), infer_schema=False)


def without(source: str, *headings: str) -> str:
    return sheet([{h: v for h, v in good(source, n).items() if h not in headings} for n in (1, 2, 3)])


def turned(source: str) -> str:
    return sheet([dict(reversed(good(source, n).items())) for n in (1, 2, 3)])


def ends_with(source: str, cell: str) -> str:
    """Every line, headings included, has one cell more."""
    return "".join(f"{line},{cell}\n" for line in three(source).splitlines())


HEADINGS = [
    Case("semicolons instead of commas", "gp_event", three("gp_event").replace(",", ";"), rejected="F06"),
    Case("tabs instead of commas", "ecds", three("ecds").replace(",", "\t"), rejected="F06"),
    Case("pipes instead of commas", "apc", three("apc").replace(",", "|"), rejected="F06"),
    Case(
        "a column renamed",
        "outpatient",
        three("outpatient").replace("APPTDATE", "Appointment Date"),
        rejected="F05",
        says="APPTDATE",
    ),
    Case(
        "the column of NHS numbers missing",
        "csds_referral",
        without("csds_referral", "NHSNumber"),
        rejected="F05",
        says="NHSNumber",
    ),
    Case(
        "two columns missing",
        "mhsds_referral",
        without("mhsds_referral", "NHSNumber", "EFFECTIVE_FROM"),
        rejected="F05",
        says="EFFECTIVE_FROM",
    ),
    Case(
        "a heading that occurs twice",
        "gp_medication",
        three("gp_medication").replace("COURSE_DURATION_IN_DAYS", "QUANTITY"),
        rejected="F07",
        says="QUANTITY",
    ),
    Case("columns the other way round", "csds_care_contact", turned("csds_care_contact")),
    Case("headings in lower case", "ecds", head_of("ecds").lower() + rows_of("ecds")),
    Case(
        "headings with spaces for underscores",
        "apc",
        head_of("apc").replace("DIAG_4_", "DIAG 4 ") + rows_of("apc"),
        says="F09",
    ),
    Case("a column nobody asked for", "gp_registration", ends_with("gp_registration", "extra"), says="F08"),
    Case(
        "two columns nobody asked for under one name",
        "gp_registration",
        head_of("gp_registration").replace("\n", ",Note,Note\n") + rows_of("gp_registration").replace("\n", ",a,b\n"),
        says="F08",
    ),
    Case("a delimiter at the end of every line", "inpatient_snapshot", ends_with("inpatient_snapshot", "")),
    Case(
        "a delimiter at the end of the rows, not of the headings",
        "national_opt_out",
        head_of("national_opt_out") + rows_of("national_opt_out").replace("\n", ",\n"),
    ),
    Case("headings left off", "gp_appointment", rows_of("gp_appointment"), rejected="F05"),
    Case(
        "a title above the headings", "organisation", "Practices at 5 January\n" + three("organisation"), rejected="F05"
    ),
    Case(
        "a hint for spreadsheets above the headings",
        "csds_care_plan",
        "sep=,\n" + three("csds_care_plan"),
        rejected="F05",
    ),
    Case("a blank line above the headings", "csds_service_type", "\n" + three("csds_service_type")),
    Case("headings only", "gp_registration", head_of("gp_registration"), records=0, says="F12"),
    Case("headings only, without line end", "cld", head_of("cld").strip(), records=0, says="F12"),
    Case("an empty file", "gp_event", b"", records=0, rejected="F04"),
    Case("nothing but line ends", "gp_event", b"\n\r\n\n", records=0, rejected="F04"),
    Case("nothing but a byte-order mark", "gp_event", b"\xef\xbb\xbf", records=0, rejected="F04"),
]

LINES = [
    Case(
        "a footer with the number of rows",
        "gp_medication",
        three("gp_medication") + "Total rows: 3\n",
        records=4,
        bad={4: "R01"},
    ),
    Case(
        "a footer filled up with delimiters",
        "csds_referral",
        three("csds_referral") + "Total rows: 3" + "," * 14 + "\n",
        records=4,
        bad={4: ANY},
    ),
    Case(
        "rows of nothing but delimiters, as spreadsheets leave them",
        "outpatient",
        three("outpatient") + ("," * 13 + "\n") * 2,
        records=5,
        bad={4: ANY, 5: ANY},
    ),
    Case("blank lines among the rows and after them", "ecds", three("ecds").replace("\n", "\n\n") + "\n\n\n"),
    Case("line ends of Windows", "apc", three("apc").replace("\n", "\r\n")),
    Case("line ends of both kinds", "cld", three("cld").replace("\n", "\r\n", 2)),
    Case("line ends of old Macintoshes", "gp_event", three("gp_event").replace("\n", "\r")),
    Case("no line end after the last row", "mhsds_care_contact", three("mhsds_care_contact").rstrip("\n")),
    Case(
        "a quoted line end inside a cell",
        "organisation",
        sheet(
            [
                good("organisation", 1, NAME="THE\nSURGERY"),
                good("organisation", 2, NAME="A\r\nB"),
                good("organisation", 3),
            ]
        ),
    ),
    Case(
        "a line of Unicode's own separators inside a cell",
        "organisation",
        spoilt("organisation", NAME="A\u2028B\u0085C\x0bD\x0cE"),
    ),
    Case(
        "a quote inside a quoted cell that is not doubled",
        "organisation",
        three("organisation").replace("SURGERY 2", '"THE "OLD" SURGERY"'),
        bad={2: "R01"},
    ),
    Case(
        "two stray quotes far apart, with whole records between them",
        "gp_event",
        many("gp_event", 40).replace("C81001,3,", '"C81001,3,').replace("C81001,30,", '"C81001,30,'),
        records=40,
        bad={4: "R01", 31: "R01"},
        says="F15",
    ),
    Case(
        "two stray quotes in the same column of two rows",
        "organisation",
        three("organisation").replace("SURGERY 1", '"SURGERY 1').replace("SURGERY 2", 'SURGERY 2"'),
        bad={1: "R01", 2: "R01"},
        says="F15",
    ),
    Case(
        "stray quotes all over",
        "gp_event",
        many("gp_event", 40).replace("C81001,1", '"C81001,1').replace("C81001,2", '"C81001,2'),
        rejected="F11",
        says="line 3 ",
    ),
    Case(
        "a quote left open in the headings",
        "gp_event",
        three("gp_event").replace("RECORD_ID", '"RECORD_ID'),
        rejected="F11",
        says="headings",
    ),
    Case(
        "an inch mark inside a cell without quotes",
        "organisation",
        three("organisation").replace("SURGERY 2", 'THE 5" SURGERY'),
        kept=("practice_name", 'THE 5" SURGERY'),
    ),
    Case(
        "a quote opened on the last row and never closed",
        "organisation",
        three("organisation").replace("SURGERY 3", '"SURGERY 3'),
        bad={3: "R01"},
    ),
    Case(
        "every cell quoted",
        "gp_event",
        "".join(",".join(f'"{cell}"' for cell in line.split(",")) + "\r\n" for line in three("gp_event").splitlines()),
    ),
    Case(
        "thousands with a comma, not quoted",
        "organisation",
        three("organisation").replace("10815", "10,815", 1),
        bad={1: "R01"},
    ),
    Case(
        "a row cut short",
        "csds_waiting_time",
        three("csds_waiting_time").replace(
            f"{nhs_number(2)},2025-11-10,11:55:00,,2025-12-20,501,2025-11-01,2025-11-30", "20"
        ),
        bad={2: "R01"},
    ),
    Case(
        "the end-of-file mark of DOS", "national_opt_out", three("national_opt_out") + "\x1a", records=4, bad={4: "R01"}
    ),
    Case("a cell of three million letters", "gp_event", spoilt("gp_event", UNIT="x" * 3_000_000), bad={2: ANY}),
    Case(
        "two extracts laid end to end, headings and all",
        "gp_appointment",
        three("gp_appointment") + sheet([good("gp_appointment", n) for n in (4, 5)]),
        records=6,
        bad={4: ANY},
    ),
    Case(
        "two extracts laid end to end with a byte-order mark between",
        "gp_event",
        b"\xef\xbb\xbf" + three("gp_event").encode() + b"\xef\xbb\xbf" + sheet([good("gp_event", 4)]).encode(),
        records=5,
        bad={4: ANY},
    ),
    Case(
        "a byte-order mark before a row in the middle",
        "gp_medication",
        b"\xef\xbb\xbf" + head_of("gp_medication").encode() + b"\xef\xbb\xbf" + rows_of("gp_medication").encode(),
    ),
]

BYTES = [
    Case(
        "Latin-1",
        "organisation",
        spoilt("organisation", NAME="CAFÉ SURGERY").encode("latin-1"),
        kept=("practice_name", "CAFÉ SURGERY"),
    ),
    Case(
        "Windows letters",
        "organisation",
        spoilt("organisation", NAME="ST MARY’S").encode("cp1252"),
        kept=("practice_name", "ST MARY’S"),
    ),
    Case(
        "UTF-16 with its mark", "gp_event", three("gp_event").encode("utf-16"), records=0, rejected="F03", says="UTF-16"
    ),
    Case("UTF-16 without its mark", "gp_event", three("gp_event").encode("utf-16-le"), records=0, rejected="F03"),
    Case(
        "zero bytes at the end, as a broken copy leaves them",
        "apc",
        three("apc").encode() + bytes(4096),
        records=0,
        rejected="F03",
    ),
    Case(
        "a web page that says the session expired",
        "ecds",
        "<!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
        records=0,
        rejected="F05",
    ),
    Case(
        "a gzip cut off",
        "gp_event",
        gzip.compress(three("gp_event").encode(), mtime=0)[:-12],
        records=0,
        rejected="F03",
        filename="file.csv.gz",
    ),
    Case(
        "a gzip of two parts",
        "gp_event",
        gzip.compress(head_of("gp_event").encode(), mtime=0) + gzip.compress(rows_of("gp_event").encode(), mtime=0),
    ),
    Case("a gzip of nothing", "gp_event", gzip.compress(b"", mtime=0), records=0, rejected="F04"),
    Case("a zip", "csds_assessment", zipped(("extract.csv", three("csds_assessment").encode())), filename="file.zip"),
    Case(
        "a zip of two files",
        "gp_event",
        zipped(("a.csv", b"x"), ("b.csv", b"y")),
        records=0,
        rejected="F03",
        says="2 files",
    ),
    Case("a zip with nothing in it", "gp_event", zipped(), records=0, rejected="F03"),
    Case(
        "a zip whose directory points outside itself",
        "gp_event",
        zipped(("extract.csv", b"x" * 200))[:-6] + b"\xf0\xff\xff\x7f\0\0",
        rejected="F03",
    ),
    Case(
        "a zip made on a Macintosh",
        "gp_event",
        zipped(
            ("extract/", b""),
            ("extract/events.csv", three("gp_event").encode()),
            ("__MACOSX/extract/._events.csv", b"\x00\x05"),
        ),
    ),
    Case(
        "an Excel workbook",
        "gp_registration",
        zipped(("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>"), ("xl/worksheets/sheet1.xml", b"<x/>")),
        records=0,
        rejected="F03",
        says="Excel",
        filename="registrations.xlsx",
    ),
    Case(
        "an old Excel workbook",
        "gp_registration",
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512),
        records=0,
        rejected="F03",
        says="Excel",
    ),
    Case("Parquet under the name of a CSV", "gp_event", parquet(frame_of("gp_event"))),
    Case("CSV under the name of a Parquet", "gp_event", three("gp_event"), filename="events.parquet"),
    Case(
        "Parquet with types of its own",
        "gp_event",
        parquet(
            frame_of("gp_event").with_columns(
                pl.col("NHS_NUMBER", "RECORD_ID", "CODE").cast(pl.Int64),
                pl.col("DATE").str.to_datetime("%Y-%m-%d"),
                pl.col("RECORD_DATE").str.to_date(),
                pl.lit(None, pl.Float64).alias("VALUE1_CONDITION"),
            )
        ),
        filename="events.parquet",
    ),
    Case(
        "Parquet with codes as floating numbers",
        "gp_event",
        parquet(frame_of("gp_event").with_columns(pl.lit(999003171000230112.0).alias("CODE"))),
        bad=dict.fromkeys((1, 2, 3), "C08"),
    ),
    Case("Parquet with a column missing", "gp_event", parquet(frame_of("gp_event").drop("CODE")), rejected="F05"),
    Case(
        "Parquet with lists in a column",
        "gp_event",
        parquet(frame_of("gp_event").with_columns(pl.col("CODE").implode().over("RECORD_ID"))),
        bad=dict.fromkeys((1, 2, 3), ANY),
    ),
    Case("Parquet cut off", "gp_event", parquet(frame_of("gp_event"))[:-40], records=0, rejected="F03"),
    Case("Parquet without rows", "gp_event", parquet(frame_of("gp_event").head(0)), records=0, says="F12"),
]

CASES = HEADINGS + LINES + BYTES
