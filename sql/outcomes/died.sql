-- Grain: one row per person known to have died, as known on the data date: death as the event itself.
-- Inputs: death. Parameter: $data_date.
select
    person_id,
    min(death_date) as event_date
from death
where
    death_date < $data_date
    and known_from <= $data_date
    and (known_until is null or known_until > $data_date)
group by person_id
