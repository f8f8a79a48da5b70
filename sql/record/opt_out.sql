-- Opt-out: objections to uses beyond the person's own care, as known.
-- Grain: one row a person, kind and interval of knowledge.
-- Inputs: national_opt_out_history, type1_objection (found at conform; never lifted, since no verified code lifts it).
select
  person_id,
  'national' as opt_out_type,
  start_date,
  known_from,
  known_until
from national_opt_out_history
union all
select
  person_id,
  'type1' as opt_out_type,
  start_date,
  known_from,
  cast(null as date) as known_until
from type1_objection
