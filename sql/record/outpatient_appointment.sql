-- Grain: one row per version of one hospital outpatient appointment.
-- Inputs: outpatient_history, hes_op_history (the contract hes_op extends outpatient: same columns in order).
with delivered as (
    select * from outpatient_history
    union all
    select * from hes_op_history
)
select
    person_id,
    provider_code,
    event_date,
    attended_code,
    first_attendance_code,
    outcome_code,
    main_specialty,
    treatment_function,
    referral_source,
    priority_code,
    known_from,
    known_until
from delivered
where person_id is not null
