-- Grain: one row per emergency stay that ended other than by death or transfer, of people aged 65 and over in use.
-- Inputs: inpatient_spell, person, care_service, community_referral (record), mart_month.
-- Parameter: $data_date.
-- Meaning: derived, not recorded. Pathway 3: a care home that the person did not live in before. Pathway 2: bed-based
-- intermediate care within 7 days. Pathway 1: reablement or home-based intermediate care within 7 days. Pathway 0: all
-- others, residents who return to their care home among them.
with left_hospital as (
    select
        person_id,
        admission_date,
        discharge_date,
        discharge_destination
    from inpatient_spell
    where
        emergency_flag
        and coalesce(discharge_method, '') not in ('4', '5')
        and coalesce(discharge_destination, '') not in ('79', '51', '52', '53', '49', '50')
        and discharge_date <= $data_date
        and known_from <= $data_date
        and (known_until is null or known_until > $data_date)
),
resident as (
    select distinct
        l.person_id,
        l.discharge_date
    from left_hospital as l
    inner join person as p
        on p.person_id = l.person_id
        and p.residential_institute_code is not null
        and p.known_from <= l.admission_date
        and (p.known_until is null or p.known_until > l.admission_date)
),
started as (
    select
        l.person_id,
        l.discharge_date,
        max(case when r.team_type = '54' then 2 else 1 end) as pathway
    from left_hospital as l
    inner join community_referral as r
        on r.person_id = l.person_id
        and r.team_type in ('52', '53', '54')
        and date_diff('day', l.discharge_date, r.event_date) between 0 and 7
        and r.known_from <= $data_date
        and (r.known_until is null or r.known_until > $data_date)
    group by
        l.person_id,
        l.discharge_date
    union all
    select
        l.person_id,
        l.discharge_date,
        1 as pathway
    from left_hospital as l
    inner join care_service as c
        on c.person_id = l.person_id
        and c.service_component = 'Reablement'
        and date_diff('day', l.discharge_date, c.event_date) between 0 and 7
        and c.known_from <= $data_date
        and (c.known_until is null or c.known_until > $data_date)
    group by
        l.person_id,
        l.discharge_date
),
highest as (
    select
        person_id,
        discharge_date,
        max(pathway) as pathway
    from started
    group by
        person_id,
        discharge_date
)
select
    l.person_id,
    l.discharge_date as day,
    m.month_start,
    case
        when l.discharge_destination in ('54', '55', '56', '65', '85') and r.person_id is null then 'Pathway 3'
        when h.pathway = 2 then 'Pathway 2'
        when h.pathway = 1 then 'Pathway 1'
        else 'Pathway 0'
    end as pathway,
    1 as value
from left_hospital as l
left join resident as r on r.person_id = l.person_id and r.discharge_date = l.discharge_date
left join highest as h on h.person_id = l.person_id and h.discharge_date = l.discharge_date
inner join mart_month as m on l.discharge_date >= m.month_start and l.discharge_date < m.next_month
