-- Grain: one row per (week, person) of the panel with at least one such day, as known on the data date.
-- Inputs: inpatient_spell, outcome_panel (week, person_id, window_end), outcome_death (person_id, death_date).
-- Parameter: $data_date.
-- Meaning: day_count is the number of midnights in a bed, on or after the Monday and before window_end, of stays begun
-- by emergency admission, also of one under way on the Monday; the midnight that ends a day counts for that day. A stay
-- without a discharge lasts to death or to the end of the window: the window has been over for longer than coding takes.
with stay as (
    select
        p.week,
        p.person_id,
        case when s.admission_date > p.week then s.admission_date else p.week end as from_day,
        case
            when s.discharge_date is not null and s.discharge_date < p.window_end then s.discharge_date
            else p.window_end
        end as discharged_day,
        coalesce(d.death_date, p.window_end) as death_day
    from outcome_panel as p
    inner join inpatient_spell as s
        on s.person_id = p.person_id
        and s.admission_date < p.window_end
        and (s.discharge_date is null or s.discharge_date > p.week)
    left join outcome_death as d on d.person_id = p.person_id
    where
        s.emergency_flag
        and s.admission_date < $data_date
        and s.known_from <= $data_date
        and (s.known_until is null or s.known_until > $data_date)
),
counted as (
    select
        week,
        person_id,
        date_diff('day', from_day, case when death_day < discharged_day then death_day else discharged_day end) as days
    from stay
)
select
    week,
    person_id,
    cast(sum(days) as integer) as day_count
from counted
where days > 0
group by
    week,
    person_id
order by
    week,
    person_id
