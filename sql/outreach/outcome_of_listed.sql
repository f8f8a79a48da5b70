-- Grain: one row per person and week asked about, with what happened in the days from that Monday, as known now.
-- Inputs: inpatient_spell, death, community_contact (record); listed_week (person_id, week, until: the first day after
-- the days that are counted).
-- Meaning: emergency admissions and their midnights (an open stay counts to $seen), deaths, attended community
-- contacts. A person who died keeps what happened before.
with admission as (
    select
        l.person_id,
        l.week,
        count(distinct s.cips_id) as admissions,
        sum(
            case
                when coalesce(s.discharge_date, $seen) < l.until
                    then date_diff('day', s.admission_date, coalesce(s.discharge_date, $seen))
                else date_diff('day', s.admission_date, l.until)
            end
        ) as bed_days
    from listed_week as l
    inner join inpatient_spell as s
        on s.person_id = l.person_id
        and s.admission_date >= l.week
        and s.admission_date < l.until
    where s.emergency_flag and s.known_until is null
    group by l.person_id, l.week
),
died as (
    select distinct
        l.person_id,
        l.week
    from listed_week as l
    inner join death as d
        on d.person_id = l.person_id
        and d.death_date >= l.week
        and d.death_date < l.until
    where d.known_until is null
),
contact as (
    select
        l.person_id,
        l.week,
        count(*) as contacts
    from listed_week as l
    inner join community_contact as c
        on c.person_id = l.person_id
        and c.event_date >= l.week
        and c.event_date < l.until
    where c.known_until is null and c.attendance_code in ('5', '6')
    group by l.person_id, l.week
)
select
    l.person_id,
    l.week,
    cast(coalesce(a.admissions, 0) as bigint) as admissions,
    cast(coalesce(a.bed_days, 0) as bigint) as bed_days,
    cast(case when d.person_id is null then 0 else 1 end as bigint) as deaths,
    cast(coalesce(c.contacts, 0) as bigint) as contacts
from listed_week as l
left join admission as a on a.person_id = l.person_id and a.week = l.week
left join died as d on d.person_id = l.person_id and d.week = l.week
left join contact as c on c.person_id = l.person_id and c.week = l.week
order by l.person_id, l.week
