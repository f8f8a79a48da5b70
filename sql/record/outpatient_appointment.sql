-- Grain: one row per version of one hospital outpatient appointment.
-- Inputs: outpatient_history. Appointments of another identifier domain (hes_op) stay in their history.
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
from outpatient_history
where person_id is not null
