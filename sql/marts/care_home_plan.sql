-- Grain: one row per person who moved into a care home for the first time that any source tells of.
-- Inputs: care_service, care_home, person, care_plan (record), coded_event (marts/coded_event), mart_workday (day,
-- number: how many working days there were up to that day), mart_month.
-- Parameter: $data_date.
-- Meaning: the move is the earliest of: a long-term care home place arranged by a council begins; the practice records
-- that the person lives in a care home; the registration's address becomes that of a home on the register of homes (on
-- the day on which that is told). The plan is the first personalised care and support plan (type 03) from the move on;
-- it is in time up to the seventh working day after the move.
with lived as (
    select
        p.person_id,
        p.known_from as day,
        case when h.household_id is null then 0 else 1 end as home_flag,
        lag(case when h.household_id is null then 0 else 1 end) over (
            partition by p.person_id
            order by p.known_from
        ) as before_flag
    from person as p
    left join (
        select distinct household_id
        from care_home
        where
            household_id is not null
            and known_from <= $data_date
    ) as h on h.household_id = p.household_id
    where p.known_from <= $data_date
),
told as (
    select
        person_id,
        event_date as day
    from care_service
    where
        service_component in ('Long term nursing care', 'Long term residential care')
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
    union all
    select
        person_id,
        event_date as day
    from coded_event
    where
        code_group = 'care_home'
        and said_flag = 1
    union all
    select
        person_id,
        day
    from lived
    where
        home_flag = 1
        and before_flag = 0
),
moved as (
    select
        person_id,
        min(day) as day
    from told
    group by person_id
),
planned as (
    select
        v.person_id,
        min(c.event_date) as plan_day
    from moved as v
    inner join care_plan as c on c.person_id = v.person_id and c.event_date >= v.day
    where
        c.plan_type = '03'
        and c.event_date <= $data_date
        and c.known_from <= $data_date
        and (c.known_until is null or c.known_until > $data_date)
    group by v.person_id
)
select
    v.person_id,
    v.day,
    m.month_start,
    case
        when p.plan_day is null then 'No plan recorded'
        when w.number - b.number <= 7 then 'Within seven working days'
        else 'Later'
    end as plan_made,
    1 as value
from moved as v
inner join mart_month as m on v.day >= m.month_start and v.day < m.next_month
inner join mart_workday as b on b.day = v.day
left join planned as p on p.person_id = v.person_id
left join mart_workday as w on w.day = p.plan_day
where v.day <= $data_date
