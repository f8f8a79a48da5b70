-- Grain: one row per emergency admission in the 90 days before a death.
-- Inputs: inpatient_spell, death (record), mart_month.
-- Parameter: $data_date.
-- Meaning: counted in the month of the death; where sources differ, the earliest day. day is the admission.
with died as (
    select
        person_id,
        min(death_date) as death_date
    from death
    where
        death_date <= $data_date
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
    group by person_id
)
select
    s.person_id,
    s.admission_date as day,
    m.month_start,
    1 as value
from died as d
inner join inpatient_spell as s on s.person_id = d.person_id
inner join mart_month as m on d.death_date >= m.month_start and d.death_date < m.next_month
where
    s.emergency_flag
    and date_diff('day', s.admission_date, d.death_date) between 0 and 90
    and s.known_from <= $data_date
    and (s.known_until is null or s.known_until > $data_date)
