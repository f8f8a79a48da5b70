-- Grain: one row per emergency hospital stay (continuous inpatient spell), as known on the data date.
-- Inputs: inpatient_spell. Parameter: $data_date.
select
    person_id,
    admission_date as event_date
from inpatient_spell
where
    emergency_flag
    and admission_date < $data_date
    and known_from <= $data_date
    and (known_until is null or known_until > $data_date)
