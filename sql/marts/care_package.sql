-- Grain: one row per person, kind of long-term care and first day of a month on which it ran.
-- Inputs: care_service, care_event (record), provider_type (commissioning/provider_type.csv, or the site's own),
-- mart_month.
-- Parameters: $data_date; $for_carers, 1 for services to unpaid carers, 0 for all others.
-- Meaning: the type of provider is that of the place on the day, by the dated table; not known where no place is named.
-- The support reason is the newest that a council recorded with a request, assessment or review up to the day.
with reason as (
    select
        person_id,
        event_date,
        case
            when primary_support_reason like 'Physical support%' then 'Physical support'
            when primary_support_reason like 'Sensory support%' then 'Sensory support'
            when primary_support_reason like 'Social support%' then 'Social support'
            when primary_support_reason = 'Unknown' then 'Not known'
            else primary_support_reason
        end as support_reason,
        lead(event_date) over (partition by person_id order by event_date, primary_support_reason) as next_date
    from care_event
    where
        primary_support_reason is not null
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
),
running as (
    select
        c.person_id,
        m.month_start,
        c.service_component as care_type,
        c.authority_code as council,
        coalesce(t.provider_type, 'Not known') as provider_type,
        coalesce(r.support_reason, 'Not known') as support_reason
    from care_service as c
    inner join mart_month as m on c.event_date <= m.month_start and (c.end_date is null or c.end_date > m.month_start)
    left join provider_type as t
        on t.location_id = c.care_home_location_id
        and t.from_date <= m.month_start
        and (t.until_date is null or t.until_date > m.month_start)
    left join reason as r
        on r.person_id = c.person_id
        and r.event_date <= m.month_start
        and (r.next_date is null or r.next_date > m.month_start)
    where
        case when c.client_type = 'Unpaid carer' then 1 else 0 end = $for_carers
        and c.service_component <> 'Reablement'
        and c.event_date <= $data_date
        and m.month_start <= $data_date
        and c.known_from <= $data_date
        and (c.known_until is null or c.known_until > $data_date)
)
select
    person_id,
    month_start as day,
    month_start,
    care_type,
    max(support_reason) as support_reason,
    case when min(council) = max(council) then min(council) else 'More than one' end as council,
    case when min(provider_type) = max(provider_type) then min(provider_type) else 'More than one' end as provider_type,
    1 as value
from running
group by
    person_id,
    month_start,
    care_type
