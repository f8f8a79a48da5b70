-- Grain: one row per council reablement service that ended.
-- Inputs: care_service (record), mart_month.
-- Parameter: $data_date.
-- Meaning: by the outcome that the council recorded, in the month of the end.
select distinct
    c.person_id,
    c.event_date as day,
    c.end_date,
    m.month_start,
    case
        when c.outcome = 'NFA: Support ended as planned' then 'No further support needed'
        when
            c.outcome in (
                'Progress to support planning or services',
                'Continuation of support or services',
                'Progress to assessment, review or reassessment'
            )
            then 'Further support'
        when c.outcome = 'Admitted to hospital' then 'Went to hospital'
        else 'Other or not recorded'
    end as afterwards,
    1 as value
from care_service as c
inner join mart_month as m on c.end_date >= m.month_start and c.end_date < m.next_month
where
    c.service_component = 'Reablement'
    and c.end_date <= $data_date
    and c.known_from <= $data_date
    and (c.known_until is null or c.known_until > $data_date)
