-- Grain: one row per council-arranged home-support service, by its first day, as known on the data date.
-- Inputs: care_service. Parameter: $data_date.
select
    person_id,
    event_date
from care_service
where
    service_component = 'Home support or domiciliary care'
    and event_date < $data_date
    and known_from <= $data_date
    and (known_until is null or known_until > $data_date)
