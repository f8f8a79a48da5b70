-- Opt-out: objections to uses beyond the person's own care, as known.
-- Grain: one row a person, kind and interval of knowledge.
-- Inputs: national_opt_out_history, type1_objection (found at conform; never lifted, since no verified code lifts it),
-- person_link: an objection goes with the person to the number that takes the place of the old one.
select
  person_id,
  'national' as opt_out_type,
  start_date,
  known_from,
  known_until
from national_opt_out_history
union all
select
  coalesce(l.linked_person_id, o.person_id) as person_id,
  'type1' as opt_out_type,
  o.start_date,
  greatest(o.known_from, coalesce(l.known_from, o.known_from)) as known_from,
  l.known_until
from type1_objection o
left join person_link l
  on l.person_id = o.person_id
  and (l.known_until is null or l.known_until > o.known_from)
