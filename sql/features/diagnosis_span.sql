-- Grain: one row per diagnosis that names a counted condition, and one without a condition for every episode.
-- Inputs: feature_episode (versions of episodes of a declared group: the columns of hospital_episode, and group_id),
--         feature_icd10 (code, frailty_low, frailty_high, charlson), feature_span (first_week, last_week).
-- Only episodes that some week of the span can read; each week filters again. Diagnoses count in any position. An
-- episode without a discharge date stays: another episode of the same stay may have it.
with readable as (
    select
        e.*,
        coalesce(e.admission_date, e.episode_start) as admitted
    from feature_episode as e
    cross join feature_span as s
    where
        coalesce(e.admission_date, e.episode_start) < s.last_week
        and (e.discharge_date is null or e.discharge_date >= s.first_week - 730)
        and e.known_from <= s.last_week
        and (e.known_until is null or e.known_until > s.first_week)
),

told as (
    select
        group_id,
        person_id,
        provider_code,
        admitted,
        discharge_date,
        known_from,
        known_until,
        unnest([
            diagnosis_1, diagnosis_2, diagnosis_3, diagnosis_4, diagnosis_5,
            diagnosis_6, diagnosis_7, diagnosis_8, diagnosis_9, diagnosis_10,
            diagnosis_11, diagnosis_12, diagnosis_13, diagnosis_14, diagnosis_15,
            diagnosis_16, diagnosis_17, diagnosis_18, diagnosis_19, diagnosis_20
        ]) as diagnosis
    from readable
)

select
    t.group_id,
    t.person_id,
    t.provider_code,
    t.admitted,
    t.discharge_date,
    t.known_from,
    t.known_until,
    c.frailty_low,
    c.frailty_high,
    c.charlson
from told as t
inner join feature_icd10 as c
    on c.code = substr(t.diagnosis, 1, 4)
union all
select
    group_id,
    person_id,
    provider_code,
    admitted,
    discharge_date,
    known_from,
    known_until,
    cast(0 as bigint) as frailty_low,
    cast(0 as bigint) as frailty_high,
    cast(0 as bigint) as charlson
from readable
