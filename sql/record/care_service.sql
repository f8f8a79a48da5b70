-- Grain: one row per version of one council-arranged service of one person.
-- Inputs: cld_history.
-- Meaning: end_date is missing while the service runs or its end is not yet known. weekly_cost in pounds follows the
-- national method (DHSC client-level data): unit cost without its sign, times units a week: weekly 1, fortnightly 1/2,
-- 4-weekly 1/4, monthly 12/52, quarterly 4/52, annually 1/52; per session, hourly and daily by the planned units; a
-- one-off has none. Costs are stored to the penny, half a penny up: the cost of 52 weeks is exact, and the division by
-- 52 is one of whole steps, because engines round a quotient each in its own way.
with costed as (
    select
        *,
        abs(unit_cost) * case lower(cost_frequency)
            when 'weekly' then 52
            when 'fortnightly' then 26
            when '4-weekly' then 13
            when 'monthly' then 12
            when 'quarterly' then 4
            when 'annually' then 1
            when 'per session' then 52 * abs(planned_units)
            when 'hourly' then 52 * abs(planned_units)
            when 'daily' then 52 * abs(planned_units)
        end as cost_52
    from cld_history
    where
        person_id is not null
        and event_type = 'Service'
)
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
    cast(
        try_cast(floor(cast(cost_52 * 200 + 52 as double) / 104) as decimal(17, 0)) * 0.01 as decimal(19, 2)
    ) as weekly_cost,
    abs(planned_units) as planned_units,
    known_from,
    known_until
from costed
