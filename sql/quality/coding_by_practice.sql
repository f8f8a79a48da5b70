-- Grain: one row per practice and quarter (13 weeks back from the Monday; 1 is the newest, 5 the oldest).
-- Inputs: gp_event (record). Parameter: $index, a Monday.
-- Meaning: coded entries, as known on the Monday: what a practice writes down, not what is true. Entries made late are
-- missing from the newest quarter of every practice alike.
select
    practice_code,
    cast(floor((date_diff('day', event_date, $index) - 1) / 91) as integer) + 1 as quarter,
    count(*) as entry_count
from gp_event
where
    practice_code is not null
    and event_date < $index
    and date_diff('day', event_date, $index) <= 455
    and known_from <= $index
    and (known_until is null or known_until > $index)
group by
    practice_code,
    cast(floor((date_diff('day', event_date, $index) - 1) / 91) as integer) + 1
order by
    practice_code,
    quarter
