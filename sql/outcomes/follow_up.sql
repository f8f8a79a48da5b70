-- Grain: one row per (week, person) of the panel: what happened from that Monday on, as known on the data date.
-- Inputs: outcome_panel (week, person_id, window_end), outcome_event (person_id, event_date),
--         outcome_death (person_id, death_date), outcome_span (person_id, registered_from, registered_until).
-- event_date: the first event on or after the Monday and before window_end. registered: a span of registration covers
-- the Monday; registered_until: when that span ended.
with first_event as (
    select
        p.week,
        p.person_id,
        min(e.event_date) as event_date
    from outcome_panel as p
    inner join outcome_event as e
        on e.person_id = p.person_id
        and e.event_date >= p.week
        and e.event_date < p.window_end
    group by
        p.week,
        p.person_id
),
registered as (
    select
        p.week,
        p.person_id,
        s.registered_until
    from outcome_panel as p
    inner join outcome_span as s
        on s.person_id = p.person_id
        and s.registered_from < p.week
        and (s.registered_until is null or s.registered_until >= p.week)
)
select
    p.week,
    p.person_id,
    f.event_date,
    d.death_date,
    r.person_id is not null as registered,
    r.registered_until
from outcome_panel as p
left join first_event as f
    on f.week = p.week
    and f.person_id = p.person_id
left join outcome_death as d
    on d.person_id = p.person_id
left join registered as r
    on r.week = p.week
    and r.person_id = p.person_id
order by
    p.week,
    p.person_id
