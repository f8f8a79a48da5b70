-- Grain: one row per emergency stay with a discharge-ready date that ended.
-- Inputs: inpatient_spell, hospital_episode (record), mart_month.
-- Parameter: $data_date.
-- Meaning: value is the number of days from the discharge-ready date to the discharge, in the month of discharge. The
-- newest ready date of the episodes that end with the stay counts. day is the admission.
with ready as (
    select
        person_id,
        discharge_date,
        max(discharge_ready_date) as discharge_ready_date
    from hospital_episode
    where
        discharge_date is not null
        and discharge_ready_date is not null
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
    group by
        person_id,
        discharge_date
)
select
    s.person_id,
    s.admission_date as day,
    m.month_start,
    greatest(
        date_diff('day', greatest(r.discharge_ready_date, s.admission_date), s.discharge_date), 0
    ) as value
from inpatient_spell as s
inner join ready as r on r.person_id = s.person_id and r.discharge_date = s.discharge_date
inner join mart_month as m on s.discharge_date >= m.month_start and s.discharge_date < m.next_month
where
    s.emergency_flag
    and s.discharge_date <= $data_date
    and s.known_from <= $data_date
    and (s.known_until is null or s.known_until > $data_date)
