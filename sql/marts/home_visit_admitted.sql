-- Grain: one row per person and day with an attended crisis response visit at home (team type 51).
-- Inputs: community_contact, inpatient_spell (record), mart_month.
-- Parameters: $data_date; $covered_to, the last day that the hospital extract covers.
-- Meaning: admitted when an emergency stay begins 0 to 7 days after the visit.
with visit as (
    select distinct
        person_id,
        event_date
    from community_contact
    where
        team_type = '51'
        and mechanism_code = '01'
        and attendance_code in ('5', '6')
        and substr(location_code, 1, 1) in ('A', 'G')
        and date_diff('day', event_date, cast($covered_to as date)) >= 7
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
),
admitted as (
    select distinct
        v.person_id,
        v.event_date
    from visit as v
    inner join inpatient_spell as s
        on s.person_id = v.person_id
        and date_diff('day', v.event_date, s.admission_date) between 0 and 7
    where
        s.emergency_flag
        and s.known_from <= $data_date
        and (s.known_until is null or s.known_until > $data_date)
)
select
    v.person_id,
    v.event_date as day,
    m.month_start,
    case when a.person_id is null then 'Not admitted within 7 days' else 'Admitted within 7 days' end as afterwards,
    1 as value
from visit as v
left join admitted as a on a.person_id = v.person_id and a.event_date = v.event_date
inner join mart_month as m on v.event_date >= m.month_start and v.event_date < m.next_month
