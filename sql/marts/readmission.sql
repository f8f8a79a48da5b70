-- Grain: one row per inpatient stay that ended other than by death, and could be followed for 30 days.
-- Inputs: inpatient_spell (record), mart_month.
-- Parameters: $data_date; $covered_to, the last day that the hospital extract covers.
-- Meaning: back when an emergency stay begins 0 to 30 days after the discharge. Counted in the month of discharge.
with known as (
    select
        person_id,
        cips_id,
        admission_date,
        discharge_date,
        emergency_flag,
        discharge_method
    from inpatient_spell
    where
        known_from <= $data_date
        and (known_until is null or known_until > $data_date)
),
followed as (
    select
        person_id,
        discharge_date,
        emergency_flag,
        discharge_method,
        lead(admission_date) over (partition by person_id order by admission_date, cips_id) as next_admission,
        lead(emergency_flag) over (partition by person_id order by admission_date, cips_id) as next_emergency
    from known
)
select
    f.person_id,
    f.discharge_date as day,
    m.month_start,
    case
        when f.next_emergency and date_diff('day', f.discharge_date, f.next_admission) between 0 and 30
            then 'Back within 30 days'
        else 'Not back within 30 days'
    end as afterwards,
    1 as value
from followed as f
inner join mart_month as m on f.discharge_date >= m.month_start and f.discharge_date < m.next_month
where
    date_diff('day', f.discharge_date, cast($covered_to as date)) >= 30
    and coalesce(f.discharge_method, '') not in ('4', '5')
