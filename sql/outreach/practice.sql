-- Grain: one row per practice of the board, as known on the index Monday.
-- Inputs: organisation (record).
-- Parameter: $index, a Monday.
-- Meaning: which neighbourhood a practice belongs to; a practice without a PCN is kept, its PCN unknown.
with by_recency as (
    select
        practice_code,
        practice_name,
        pcn_code,
        pcn_name,
        row_number() over (partition by practice_code order by known_from desc, pcn_code) as recency
    from organisation
    where
        known_from <= $index
        and (known_until is null or known_until > $index)
)
select
    practice_code,
    practice_name,
    pcn_code,
    pcn_name
from by_recency
where recency = 1
order by practice_code
