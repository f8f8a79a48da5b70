-- Grain: one row per source and clinical code of the last year that is in no codelist in use.
-- Inputs: gp_event, medication, ed_attendance, community_assessment, community_activity, hospital_episode (record),
--         listed_code (code as text; ICD-10 codes up to four characters).
-- Parameter: $index, a Monday.
-- Meaning: entries and people of 365 days as known on the Monday; such codes are kept, and no feature by code sees them. Of
-- hospital diagnoses: those that neither hospital score names. An attendance or activity has several columns of codes.
with diagnosed as (
    select
        person_id,
        unnest([
            diagnosis_1, diagnosis_2, diagnosis_3, diagnosis_4, diagnosis_5,
            diagnosis_6, diagnosis_7, diagnosis_8, diagnosis_9, diagnosis_10,
            diagnosis_11, diagnosis_12, diagnosis_13, diagnosis_14, diagnosis_15,
            diagnosis_16, diagnosis_17, diagnosis_18, diagnosis_19, diagnosis_20
        ]) as diagnosis,
        episode_start,
        known_from,
        known_until
    from hospital_episode
    where
        episode_start < $index
        and date_diff('day', episode_start, $index) <= 365
),

entry as (
    select
        'gp_event' as source,
        person_id,
        cast(code as varchar) as code,
        event_date,
        known_from,
        known_until
    from gp_event
    union all
    select
        'gp_medication',
        person_id,
        cast(product_code as varchar),
        event_date,
        known_from,
        known_until
    from medication
    union all
    select
        'ecds',
        person_id,
        cast(chief_complaint_code as varchar),
        event_date,
        known_from,
        known_until
    from ed_attendance
    union all
    select
        'ecds',
        person_id,
        cast(diagnosis_code_1 as varchar),
        event_date,
        known_from,
        known_until
    from ed_attendance
    union all
    select
        'csds_assessment',
        person_id,
        cast(code as varchar),
        event_date,
        known_from,
        known_until
    from community_assessment
    union all
    select
        'csds_care_activity',
        person_id,
        cast(procedure_code as varchar),
        event_date,
        known_from,
        known_until
    from community_activity
    union all
    select
        'csds_care_activity',
        person_id,
        cast(finding_code as varchar),
        event_date,
        known_from,
        known_until
    from community_activity
    union all
    select
        'csds_care_activity',
        person_id,
        cast(observation_code as varchar),
        event_date,
        known_from,
        known_until
    from community_activity
    union all
    select
        'apc',
        person_id,
        substr(diagnosis, 1, 4),
        episode_start,
        known_from,
        known_until
    from diagnosed
)

select
    e.source,
    e.code,
    count(*) as entries,
    count(distinct e.person_id) as people
from entry as e
left join listed_code as l
    on l.code = e.code
where
    e.event_date < $index
    and date_diff('day', e.event_date, $index) <= 365
    and e.known_from <= $index
    and (e.known_until is null or e.known_until > $index)
    and l.code is null
    and e.code is not null
group by
    e.source,
    e.code
order by
    e.source,
    people desc,
    e.code
