-- Grain: one row per version of one council-arranged service of one person.
-- Inputs: cld_history.
-- Meaning: end_date is missing while the service runs or its end is not yet known. weekly_cost in pounds follows the
-- national method (DHSC client-level data): unit cost without its sign, times units a week: weekly 1, fortnightly 1/2,
-- 4-weekly 1/4, monthly 12/52, quarterly 4/52, annually 1/52; per session, hourly and daily by the planned units; a
-- one-off has none. Costs are stored to the penny and never summed as floats.
select
    person_id,
    authority_code,
    event_date,
    end_date,
    client_type,
    service_type,
    service_component,
    delivery_mechanism,
    care_home_location_id,
    outcome,
    cast(round(
        case lower(cost_frequency)
            when 'weekly' then abs(unit_cost)
            when 'fortnightly' then abs(unit_cost) / 2
            when '4-weekly' then abs(unit_cost) / 4
            when 'monthly' then abs(unit_cost) * 12 / 52
            when 'quarterly' then abs(unit_cost) * 4 / 52
            when 'annually' then abs(unit_cost) / 52
            when 'per session' then abs(unit_cost) * abs(planned_units)
            when 'hourly' then abs(unit_cost) * abs(planned_units)
            when 'daily' then abs(unit_cost) * abs(planned_units)
        end, 2
    ) as decimal(19, 2)) as weekly_cost,
    abs(planned_units) as planned_units,
    known_from,
    known_until
from cld_history
where
    person_id is not null
    and event_type = 'Service'
