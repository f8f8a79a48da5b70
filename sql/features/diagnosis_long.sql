-- Grain: one row per (week, person, group) with at least one stay that ended in the 730 days before the Monday.
-- Inputs: feature_diagnosis (group_id, person_id, provider_code, admitted, discharge_date, known_from, known_until,
--         frailty_low, frailty_high, charlson), feature_week (week, start_730).
-- Episodes of one person and provider with one admission date are one stay; it counts once its discharge is known. The
-- masks name the conditions of all its episodes (features/diagnoses.py): each counts once, however often it was coded.
with stay as (
    select
        w.week,
        w.start_730,
        e.person_id,
        e.group_id,
        max(e.discharge_date) as discharge_date,
        bit_or(e.frailty_low) as frailty_low,
        bit_or(e.frailty_high) as frailty_high,
        bit_or(e.charlson) as charlson
    from feature_week as w
    inner join feature_diagnosis as e
        on e.admitted < w.week
        and e.known_from <= w.week
        and (e.known_until is null or e.known_until > w.week)
    group by
        w.week,
        w.start_730,
        e.person_id,
        e.group_id,
        e.provider_code,
        e.admitted
)

select
    week,
    person_id,
    group_id,
    bit_or(frailty_low) as frailty_low_730,
    bit_or(frailty_high) as frailty_high_730,
    bit_or(charlson) as charlson_730
from stay
where
    discharge_date < week
    and discharge_date >= start_730
group by
    week,
    person_id,
    group_id
