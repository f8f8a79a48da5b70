-- Grain: one row per version of one care plan of a community service.
-- Inputs: csds_care_plan_history (CYP004).
select
    person_id,
    provider_code,
    plan_id,
    plan_type,
    event_date,
    last_update_date,
    known_from,
    known_until
from csds_care_plan_history
where person_id is not null
