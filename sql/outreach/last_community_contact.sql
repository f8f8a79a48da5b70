-- Grain: one row per person asked about and kind of community team, with the last attended contact.
-- Inputs: community_contact (record); asked_person (person_id).
-- Parameters: $index, a Monday; $since, the earliest day that is looked at.
select
    k.person_id,
    k.team_type,
    max(k.event_date) as last_contact
from community_contact as k
inner join asked_person as a on a.person_id = k.person_id
where
    k.attendance_code in ('5', '6')
    and k.event_date < $index
    and k.event_date >= $since
    and k.known_from <= $index
    and (k.known_until is null or k.known_until > $index)
group by
    k.person_id,
    k.team_type
order by
    k.person_id,
    k.team_type
