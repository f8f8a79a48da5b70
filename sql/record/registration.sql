-- Registration: who is registered with which practice, as known.
-- Grain: one row a version of one registration of one person; two registrations at once are possible and are both here.
-- Inputs: gp_registration_history.
select
  person_id,
  practice_code,
  start_date,
  end_date,
  known_from,
  known_until
from gp_registration_history
