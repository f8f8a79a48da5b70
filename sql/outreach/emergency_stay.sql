-- Grain: one row per person asked about and emergency stay of the year before the index Monday, as known that Monday.
-- Inputs: inpatient_spell (record); asked_person (person_id).
-- Parameters: $index, a Monday; $since, the earliest day of admission that is looked at.
-- Meaning: midnights of the continuous stay; nights and end are null while no discharge is known.
select
    s.person_id,
    s.admission_date,
    max(s.discharge_date) as discharge_date,
    max(date_diff('day', s.admission_date, s.discharge_date)) as nights
from inpatient_spell as s
inner join asked_person as a on a.person_id = s.person_id
where
    s.emergency_flag
    and s.admission_date < $index
    and s.admission_date >= $since
    and s.known_from <= $index
    and (s.known_until is null or s.known_until > $index)
group by
    s.person_id,
    s.admission_date
order by
    s.person_id,
    s.admission_date desc
