-- Grain: one row per two-hour crisis response clock: one (referral, type 05, start).
-- Inputs: response_clock (record), mart_month.
-- Parameter: $data_date.
-- Meaning: met when the clock ends at most 120 minutes after it starts (the end is the first attended face-to-face
-- contact). A clock that ends before it starts is left out. A clock without an end is "No visit recorded". Counted in
-- the month of the start. Times are local; a clock that spans the change of the hour is one hour out.
with clock as (
    select
        person_id,
        start_date,
        case
            when end_date is null or end_time is null then null
            else
                date_diff('day', start_date, end_date) * 1440
                + cast(substr(cast(end_time as varchar), 1, 2) as integer) * 60
                + cast(substr(cast(end_time as varchar), 4, 2) as integer)
                - cast(substr(cast(start_time as varchar), 1, 2) as integer) * 60
                - cast(substr(cast(start_time as varchar), 4, 2) as integer)
        end as minutes,
        row_number() over (
            partition by person_id, referral_id, start_date, start_time
            order by end_date nulls last, end_time nulls last
        ) as repeat
    from response_clock
    where
        trim(measurement_type) = '05'
        and start_date is not null
        and start_time is not null
        and start_date <= $data_date
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
)
select
    c.person_id,
    c.start_date as day,
    m.month_start,
    case
        when c.minutes is null then 'No visit recorded'
        when c.minutes <= 120 then 'Within two hours'
        else 'Later than two hours'
    end as response,
    1 as value
from clock as c
inner join mart_month as m on c.start_date >= m.month_start and c.start_date < m.next_month
where
    c.repeat = 1
    and (c.minutes is null or c.minutes >= 0)
