-- Death: that and when a person died, as known from each source that tells it.
-- Grain: one row a person, source and interval of knowledge; sources may disagree on the day.
-- Inputs: gp_registration_history, apc_history (discharge method 4: died).
select
  person_id,
  death_date,
  'registration' as death_source,
  known_from,
  known_until
from gp_registration_history
where death_date is not null
union all
select
  person_id,
  discharge_date as death_date,
  'hospital' as death_source,
  known_from,
  known_until
from apc_history
where discharge_method = '4'
  and discharge_date is not null
  and person_id is not null
