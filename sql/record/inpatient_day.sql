-- Grain: one row per version of one person in an acute bed on one snapshot day.
-- Inputs: inpatient_snapshot_history.
select
    person_id,
    event_date,
    provider_code,
    spell_number,
    admission_date,
    discharge_ready_date,
    no_criteria_flag,
    planned_pathway,
    delay_reason,
    known_from,
    known_until
from inpatient_snapshot_history
where person_id is not null
