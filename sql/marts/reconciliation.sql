-- Grain: one row per person with any night in a hospital bed in the period, by provider spell or by stay.
-- Inputs: spell, inpatient_spell (record), mart_span.
-- Parameters: $data_date; $covered_to; $from_day and $to_day, the period.
-- Meaning: nights by each step from the raw hospital total to ours. by_discharge: nights of the provider spells that
-- ended in the period, in full. by_night: nights of all provider spells that lie in the period. in_beds: without day
-- cases and regular attendances (class 2, 3 and 4). once: of continuous stays, so that a night counts once. emergency:
-- of stays begun as an emergency. registered: of people registered with the board at admission who may be counted.
-- older: of those aged 65 and over then.
with known_spell as (
    select
        person_id,
        patient_class,
        admission_date,
        coalesce(discharge_date, $covered_to) as last_day,
        discharge_date
    from spell
    where
        known_from <= $data_date
        and (known_until is null or known_until > $data_date)
),
by_spell as (
    select
        person_id,
        sum(
            case
                when discharge_date >= $from_day and discharge_date < $to_day
                    then date_diff('day', admission_date, discharge_date)
                else 0
            end
        ) as by_discharge,
        sum(greatest(date_diff('day', greatest(admission_date, $from_day), least(last_day, $to_day)), 0)) as by_night,
        sum(
            case
                when coalesce(patient_class, '1') in ('2', '3', '4') then 0
                else greatest(date_diff('day', greatest(admission_date, $from_day), least(last_day, $to_day)), 0)
            end
        ) as in_beds
    from known_spell
    group by person_id
),
stay as (
    select
        s.person_id,
        s.emergency_flag,
        greatest(
            date_diff(
                'day',
                greatest(s.admission_date, $from_day),
                least(coalesce(s.discharge_date, $covered_to), $covered_to, $to_day)
            ),
            0
        ) as nights,
        a.person_id is not null as registered_flag,
        coalesce(
            year(s.admission_date) - year(a.birth_month)
            - case
                when month(s.admission_date) * 100 + day(s.admission_date)
                    < month(a.birth_month) * 100 + day(a.birth_month)
                    then 1
                else 0
            end,
            0
        ) as age
    from inpatient_spell as s
    left join mart_span as a
        on a.person_id = s.person_id and a.from_day <= s.admission_date and a.to_day > s.admission_date
    where
        s.known_from <= $data_date
        and (s.known_until is null or s.known_until > $data_date)
),
by_stay as (
    select
        person_id,
        sum(nights) as once,
        sum(case when emergency_flag then nights else 0 end) as emergency,
        sum(case when emergency_flag and registered_flag then nights else 0 end) as registered,
        sum(case when emergency_flag and registered_flag and age >= 65 then nights else 0 end) as older
    from stay
    group by person_id
)
select
    coalesce(p.person_id, s.person_id) as person_id,
    cast(coalesce(p.by_discharge, 0) as bigint) as by_discharge,
    cast(coalesce(p.by_night, 0) as bigint) as by_night,
    cast(coalesce(p.in_beds, 0) as bigint) as in_beds,
    cast(coalesce(s.once, 0) as bigint) as once,
    cast(coalesce(s.emergency, 0) as bigint) as emergency,
    cast(coalesce(s.registered, 0) as bigint) as registered,
    cast(coalesce(s.older, 0) as bigint) as older
from by_spell as p
full outer join by_stay as s on s.person_id = p.person_id
