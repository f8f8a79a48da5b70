-- Grain: one row per person and snapshot day in an acute bed without meeting the criteria to reside.
-- Inputs: inpatient_day (record), mart_month.
-- Parameter: $data_date.
-- Meaning: pathway is the one planned on the day.
select
    d.person_id,
    d.event_date as day,
    m.month_start,
    case
        when d.planned_pathway in ('0', '1', '2', '3') then 'Pathway ' || d.planned_pathway
        else 'Not recorded'
    end as pathway,
    1 as value
from inpatient_day as d
inner join mart_month as m on d.event_date >= m.month_start and d.event_date < m.next_month
where
    d.no_criteria_flag
    and d.event_date <= $data_date
    and d.known_from <= $data_date
    and (d.known_until is null or d.known_until > $data_date)
