-- Grain: one row per person asked about and fact, with the newest code of that fact, as known on the index Monday.
-- Inputs: gp_event (record); asked_person (person_id); fact_code (fact, code, label, holds): the codes that say that a
-- fact holds and those that say that it does not.
-- Parameter: $index, a Monday.
-- Meaning: of two codes of one day, the one that holds counts.
with told as (
    select
        e.person_id,
        c.fact,
        c.label,
        c.holds,
        e.event_date,
        row_number() over (
            partition by e.person_id, c.fact
            order by e.event_date desc, c.holds desc, c.label
        ) as recency
    from gp_event as e
    inner join asked_person as a on a.person_id = e.person_id
    inner join fact_code as c on c.code = e.code
    where
        e.event_date < $index
        and e.known_from <= $index
        and (e.known_until is null or e.known_until > $index)
)
select
    person_id,
    fact,
    label,
    event_date
from told
where recency = 1 and holds
order by
    person_id,
    fact
