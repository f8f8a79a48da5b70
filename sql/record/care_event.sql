-- Grain: one row per version of one request, assessment or review of one person by a council.
-- Inputs: cld_history.
select
    person_id,
    authority_code,
    event_date,
    end_date,
    event_type,
    route,
    assessment_type,
    review_reason,
    outcome,
    client_type,
    primary_support_reason,
    accommodation_status,
    has_unpaid_carer,
    known_from,
    known_until
from cld_history
where
    person_id is not null
    and event_type <> 'Service'
