-- Grain: one row per unbroken span of registration of a person with any practice, as known on the data date.
-- Inputs: registration. Parameter: $data_date.
-- Moving between practices of the board is no break; up to 31 days between two registrations are bridged.
-- registered_until is null while a registration is open.
with known as (
    select
        person_id,
        start_date,
        coalesce(end_date, date '9999-12-31') as end_date
    from registration
    where
        start_date < $data_date
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
),
reached as (
    select
        person_id,
        start_date,
        end_date,
        max(end_date) over (
            partition by person_id
            order by start_date, end_date
            rows between unbounded preceding and 1 preceding
        ) as reached_before
    from known
),
numbered as (
    select
        person_id,
        start_date,
        end_date,
        sum(case when reached_before is null or date_diff('day', reached_before, start_date) > 31 then 1 else 0 end)
            over (partition by person_id order by start_date, end_date rows unbounded preceding) as span_number
    from reached
)
select
    person_id,
    min(start_date) as registered_from,
    case when max(end_date) < date '9999-12-31' then max(end_date) end as registered_until
from numbered
group by
    person_id,
    span_number
