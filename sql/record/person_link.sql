-- Person link: which person an NHS number stood for, as known.
-- Grain: one row a number that was ever superseded and interval of knowledge; the intervals of a number meet and leave
-- no gap. Before the change was known the number stood for itself (linked_person_id = person_id).
-- Inputs: nhs_number_change_history as delivered.
-- A chain of up to four changes is followed; known_from of the first interval is 1 January 1900.
with version as (
  select
    person_id,
    current_person_id,
    known_from,
    known_until,
    lag(known_until) over (partition by person_id order by known_from) as told_until
  from nhs_number_change_history
),
piece as (
  select person_id, current_person_id as linked_person_id, known_from, known_until from version
  union all
  select person_id, person_id, coalesce(told_until, date '1900-01-01'), known_from
  from version
  where coalesce(told_until, date '1900-01-01') < known_from
  union all
  select person_id, person_id, max(known_until), cast(null as date)
  from version
  group by person_id
  having count(*) = count(known_until)
),
twice as (
  select
    a.person_id,
    coalesce(b.linked_person_id, a.linked_person_id) as linked_person_id,
    greatest(a.known_from, coalesce(b.known_from, a.known_from)) as known_from,
    least(coalesce(a.known_until, b.known_until), coalesce(b.known_until, a.known_until)) as known_until
  from piece a
  left join piece b
    on b.person_id = a.linked_person_id
    and a.linked_person_id <> a.person_id
    and (b.known_until is null or b.known_until > a.known_from)
    and (a.known_until is null or a.known_until > b.known_from)
)
select
  a.person_id,
  coalesce(b.linked_person_id, a.linked_person_id) as linked_person_id,
  greatest(a.known_from, coalesce(b.known_from, a.known_from)) as known_from,
  least(coalesce(a.known_until, b.known_until), coalesce(b.known_until, a.known_until)) as known_until
from twice a
left join twice b
  on b.person_id = a.linked_person_id
  and a.linked_person_id <> a.person_id
  and (b.known_until is null or b.known_until > a.known_from)
  and (a.known_until is null or a.known_until > b.known_from)
