"""Every record of every delivered file has exactly one fate, and the message says where and what to do."""

import gzip
import io
import zipfile

import polars as pl
import pytest

from data_contracts.ledger import read_ledger
from tests.deliveries import World, day, nhs_number, text_of

RECEIVED = "2026-01-05"


def event(n, **more):
    return {
        "nhs_number": n,
        "record_id": n,
        "code": "160689007",
        "event_date": "2025-12-01",
        "record_date": "2025-12-02",
        **more,
    }


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def one(world, source="gp_event"):
    """Conforms, checks that the fates add up, and returns the only ledger entry."""
    entries = world.conform(source)
    assert len(entries) == 1
    return entries[0].checked()


def rules_by_row(world, source="gp_event"):
    return {
        (r, rule): level for r, rule, level in world.quarantine(source).select("row_number", "rule", "level").rows()
    }


def test_a_malformed_row_a_quoted_newline_and_an_extra_cell_do_not_shift_the_number_of_a_later_bad_row(world):
    good = f"{nhs_number(1)},C81001,2025-12-01,2025-12-02"
    header = "NHS_NUMBER,PRACTICE,DATE,RECORD_DATE,CODE,VALUE1_CONDITION,VALUE2_CONDITION,UNIT,RECORD_ID,IS_DELETED\n"
    lines = [
        f"{good},160689007,,,,1,N",
        f"{good},160689007",
        f'{good},160689007,,,"g\nL",3,N',
        f"{good},160689007,,,,4,N,extra",
        f"{nhs_number(1)},C81001,2025-12-01,2025-12-02,160689007,,,,five,N",
        "",
        f"{nhs_number(1)},C81001,2025-12-01,2025-12-02,160689008,,,,6,N",
    ]
    world.deliver_text("gp_event", RECEIVED, header + "\n".join(lines) + "\n")
    entry = one(world)
    assert (entry.records, entry.accepted, entry.quarantined) == (6, 2, 4)
    bad = world.quarantine("gp_event").select("row_number", "line_number", "rule", "column").rows()
    assert bad == [(2, 3, "R01", ""), (4, 6, "R01", ""), (5, 7, "C04", "RECORD_ID"), (6, 9, "C09", "CODE")]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"nhs_number": "12345"}, "N01"),
        ({"nhs_number": "9000000000"}, "N02"),
        ({"nhs_number": "1111111111"}, "N03"),
        ({"nhs_number": "0101010109"}, "N04"),
        ({"nhs_number": ""}, "C01"),
        ({"code": "1.60689E+08"}, "C08"),
        ({"code": "999003171000230000"}, "C08"),
        ({"code": "160689008"}, "C09"),
        ({"record_id": "seven"}, "C04"),
    ],
)
def test_a_bad_value_that_the_contract_requires_puts_the_row_in_quarantine_and_its_neighbour_survives(
    world, change, rule
):
    world.deliver("gp_event", RECEIVED, [event(1), event(2, **change), event(3)])
    entry = one(world)
    assert (entry.accepted, entry.quarantined) == (2, 1)
    assert rules_by_row(world)[(2, rule)] == "reject row"


@pytest.mark.parametrize(("text", "rule"), [("02/12/2025", "C02"), ("2030-01-01", "C03"), ("1802-12-02", "C05")])
def test_a_bad_date_rejects_where_it_is_required_and_else_is_missing(world, text, rule):
    world.deliver(
        "gp_registration", RECEIVED, [{"nhs_number": 1, "start_date": text}, {"nhs_number": 2, "end_date": text}]
    )
    entry = one(world, "gp_registration")
    assert (entry.accepted, entry.quarantined, entry.warned) == (1, 1, 1)
    assert rules_by_row(world, "gp_registration") == {(1, rule): "reject row", (2, rule): "warn"}


def test_a_bad_value_that_may_be_missing_becomes_missing_and_is_a_warning(world):
    world.deliver("gp_event", RECEIVED, [event(1, value="high")])
    entry = one(world)
    assert (entry.accepted, entry.warned) == (1, 1)
    assert rules_by_row(world) == {(1, "C04"): "warn"}
    [path] = (world.lake / "conform" / "gp_event").glob("*.parquet")
    assert pl.read_parquet(path)["value"].to_list() == [None]


def test_a_full_date_of_birth_never_reaches_the_lake(world):
    world.deliver("gp_registration", RECEIVED, [{"nhs_number": 1, "birth_month": "1940-05-28"}])
    one(world, "gp_registration")
    [path] = (world.lake / "conform" / "gp_registration").glob("*.parquet")
    assert pl.read_parquet(path)["birth_month"].to_list() == [day("1940-05-15")]


def test_no_message_shows_a_personal_value(world):
    world.deliver("gp_registration", RECEIVED, [{"nhs_number": "9000000000"}, {"nhs_number": 2, "death_date": "soon"}])
    one(world, "gp_registration")
    assert world.quarantine("gp_registration")["value"].drop_nulls().to_list() == []
    said = world.quarantine("gp_registration").write_csv() + read_ledger(world.lake).write_csv()
    assert "9000000000" not in said
    assert "soon" not in said


def test_sentinel_dates_and_codes_become_missing_and_are_counted(world):
    world.deliver("gp_registration", RECEIVED, [{"nhs_number": 1, "end_date": "1800-01-01", "lsoa_code": "Z99999999"}])
    entry = one(world, "gp_registration")
    assert entry.sentinels == {"REG_END_DATE": 1, "LSOA": 1}
    assert (entry.accepted, entry.warned) == (1, 0)


def test_an_exact_duplicate_and_an_older_version_in_one_file_are_counted_once(world):
    world.deliver("gp_event", RECEIVED, [event(1), event(1), event(2, value="1"), event(2, value="2")])
    entry = one(world)
    assert (entry.accepted, entry.duplicate, entry.superseded) == (2, 1, 1)
    assert rules_by_row(world) == {(1, "K01"): "duplicate", (3, "K02"): "superseded"}


def test_a_bad_row_never_wins_over_a_good_row_of_the_same_key(world):
    world.deliver("gp_event", RECEIVED, [event(1), event(1, code="160689008")])
    entry = one(world)
    assert (entry.accepted, entry.quarantined, entry.duplicate, entry.superseded) == (1, 1, 0, 0)


def test_discharge_before_admission_is_the_contracts_own_rule(world):
    row = {
        "nhs_number": 1,
        "episode_id": 1,
        "admission_date": "2025-05-02",
        "discharge_date": "2025-05-01",
        "episode_start": "2025-05-02",
        "episode_end": "2025-05-02",
    }
    world.deliver("apc", RECEIVED, [row])
    assert one(world, "apc").quarantined == 1
    assert any(rule.startswith("X") for _, rule in rules_by_row(world, "apc"))


def test_a_hospital_row_without_nhs_number_is_kept_and_counted_as_unmatched(world):
    world.deliver(
        "apc",
        RECEIVED,
        [
            {
                "nhs_number": "",
                "episode_id": 1,
                "admission_date": "2025-05-02",
                "episode_start": "2025-05-02",
                "episode_end": "2025-05-03",
            }
        ],
    )
    entry = one(world, "apc")
    assert (entry.accepted, entry.unmatched, entry.faults.get("N00")) == (1, 1, 1)


def good_text(world):
    return text_of(world.contracts["gp_event"], [event(1), event(2, unit="µmol/L")])


@pytest.mark.parametrize("form", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "crlf", "mixed ends", "gzip", "zip"])
def test_the_same_rows_are_read_in_every_encoding_and_packing(world, form):
    text = good_text(world)
    data = text.encode(form) if form in ("utf-8", "utf-8-sig", "latin-1", "cp1252") else text.encode()
    if form == "crlf":
        data = data.replace(b"\n", b"\r\n")
    if form == "mixed ends":
        data = data.replace(b"\n", b"\r\n", 1)
    if form == "gzip":
        data = gzip.compress(data)
    if form == "zip":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("events.csv", data)
        data = packed.getvalue()
    world.deliver_text("gp_event", RECEIVED, data)
    entry = one(world)
    assert (entry.records, entry.accepted) == (2, 2)
    [path] = (world.lake / "conform" / "gp_event").glob("*.parquet")
    assert pl.read_parquet(path)["unit"].to_list() == [None, "µmol/L"]


def test_parquet_is_read_like_csv(world):
    frame = pl.read_csv(io.StringIO(good_text(world)), infer_schema=False)
    packed = io.BytesIO()
    frame.with_columns(pl.col("DATE").str.to_date(), pl.col("RECORD_ID").cast(pl.Int64)).write_parquet(packed)
    world.deliver_text("gp_event", RECEIVED, packed.getvalue(), name="events.parquet")
    assert one(world).accepted == 2


def header_changed(old, new):
    return lambda text: text.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda text: b"", "F04"),
        (header_changed("RECORD_DATE", "ENTERED"), "F05"),
        (lambda text: text.replace(",", ";").encode(), "F06"),
        (lambda text: text.replace(",", "\t").encode(), "F06"),
        (header_changed("PRACTICE", "CODE"), "F07"),
        (lambda text: gzip.compress(text.encode() * 50)[:-20], "F03"),
        (lambda text: text.encode("utf-16"), "F03"),
        (lambda text: b"PK\x03\x04 no zip at all", "F03"),
        (lambda text: b"PAR1 no parquet at all", "F03"),
    ],
)
def test_a_file_that_cannot_be_read_is_rejected_with_one_sentence_and_stays_in_the_inbox(world, damage, code):
    path = world.deliver_text("gp_event", RECEIVED, damage(good_text(world)))
    entry = one(world)
    assert (entry.fate, entry.code) == ("rejected", code)
    assert "\n" not in entry.message
    assert path.exists()
    world.deliver("gp_event", RECEIVED, [event(5)], name="good.csv")
    assert [e.fate for e in world.conform("gp_event")] == ["rejected", "accepted"]


def test_columns_may_come_in_another_order_with_extra_ones_and_odd_spelling(world):
    contract = world.contracts["gp_event"]
    row = {
        c.header: v
        for c, v in zip(contract.columns, text_of(contract, [event(1)]).splitlines()[1].split(","), strict=True)
    }
    row["Supplier note"] = "x"
    row["record date "] = row.pop("RECORD_DATE")
    names = sorted(row, reverse=True)
    world.deliver_text("gp_event", RECEIVED, ",".join(names) + "\n" + ",".join(row[n] for n in names) + "\n")
    entry = one(world)
    assert entry.accepted == 1
    assert {n[:3] for n in entry.notes} == {"F08", "F09"}


def test_a_file_with_headings_only_is_accepted_and_says_so(world):
    world.deliver("gp_event", RECEIVED, [])
    entry = one(world)
    assert (entry.records, entry.fate) == (0, "accepted")
    assert entry.notes[-1].startswith("F12")


def test_a_quote_that_never_closes_swallows_no_row_unseen(world):
    text = good_text(world).replace("C81001", '"C81001', 1) + "".join(good_text(world).splitlines(True)[1:])
    world.deliver_text("gp_event", RECEIVED, text)
    entry = one(world)
    assert (
        entry.fate == "rejected"
        or entry.records == entry.accepted + entry.quarantined + entry.superseded + entry.duplicate
    )
    assert entry.code == "F11" or entry.quarantined >= 1


def test_a_name_that_is_still_being_written_is_left_alone(world):
    path = world.deliver("gp_event", RECEIVED, [event(1)], name="events.csv.part")
    assert world.conform("gp_event") == []
    assert path.exists()


def test_gp_rows_of_a_person_who_objects_are_withheld_before_anything_else_is_said_about_them(world):
    world.deliver(
        "gp_event", RECEIVED, [event(1, code="827241000000103"), {**event(2, value="bad"), "nhs_number": 1}, event(3)]
    )
    entry = one(world)
    assert (entry.accepted, entry.withheld, entry.quarantined, entry.warned) == (1, 2, 0, 0)


def test_accepted_files_move_to_the_vault_and_nothing_temporary_is_left(world):
    path = world.deliver("gp_event", RECEIVED, [event(1)])
    entry = one(world)
    assert not path.exists()
    assert (world.vault / "received" / entry.sha256).exists()
    assert not [p for p in world.home.rglob("*") if p.name.startswith(".")]


def test_no_nhs_number_leaves_the_vault(world):
    world.deliver("gp_event", RECEIVED, [event(1), event(2, code="160689008")])
    one(world)
    number = nhs_number(1).encode(), nhs_number(2).encode()
    for path in world.lake.rglob("*"):
        if path.is_file():
            content = path.read_bytes() if path.suffix != ".parquet" else pl.read_parquet(path).write_csv().encode()
            assert not any(n in content for n in number), path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_malformed_records_are_numbered_one_by_one_whatever_the_line_end(tmp_path, end):
    world = World(tmp_path)
    head, row = text_of(world.contracts["gp_registration"], [{"nhs_number": 1}]).splitlines()
    world.deliver_text("gp_registration", "2026-01-05", end.join([head, row + ",x", row, "x", row + ",y", ""]))
    [entry] = world.conform("gp_registration")
    assert (entry.records, entry.accepted, entry.quarantined) == (4, 1, 3)
    told = world.quarantine("gp_registration").select("row_number", "line_number", "rule").rows()
    assert told == [(1, 2, "R01"), (3, 4, "R01"), (4, 5, "R01")]
