-- Continuous inpatient spell (CIPS): one stay in hospital, transfers between providers included, as known.
-- Grain: one row a CIPS and interval of knowledge. cips_id is the spell_id of its first spell.
-- Inputs: spell.
-- A spell continues the one before it when it starts within 3 days of that one's end and either says that it was a
-- transfer: destination or source 51, 52, 53, or admission method 2B or 81 (Health Foundation method, see
-- docs/definitions.md). Day cases and regular attendances are stays of their own.
with overnight as (
  select *
  from spell
  where coalesce(patient_class, '1') in ('1', '5')
),
moment as (
  select person_id, cluster, known_from as day from overnight
  union
  select person_id, cluster, known_until as day from overnight where known_until is not null
),
bounded as (
  select
    person_id,
    cluster,
    day,
    lead(day) over (partition by person_id, cluster order by day) as next_day
  from moment
),
visible as (
  select
    b.day,
    b.next_day,
    s.*,
    lag(s.discharge_date) over seen as previous_discharge,
    lag(s.discharge_destination) over seen as previous_destination,
    lag(s.spell_id) over seen as previous_spell
  from bounded b
  join overnight s
    on s.person_id = b.person_id
    and s.cluster = b.cluster
    and s.known_from <= b.day
    and (s.known_until is null or s.known_until > b.day)
  window seen as (
    partition by s.person_id, s.cluster, b.day
    order by s.admission_date, s.discharge_date nulls last, s.spell_id
  )
),
numbered as (
  select
    *,
    sum(
      case
        when previous_spell is not null
          and previous_discharge is not null
          and date_diff('day', previous_discharge, admission_date) <= 3
          and (
            previous_destination in ('51', '52', '53')
            or admission_source in ('51', '52', '53')
            or admission_method in ('2B', '81')
          )
          then 0
        else 1
      end
    ) over (
      partition by person_id, cluster, day
      order by admission_date, discharge_date nulls last, spell_id
      rows between unbounded preceding and current row
    ) as stay
  from visible
),
placed as (
  select
    *,
    row_number() over (
      partition by person_id, cluster, day, stay
      order by admission_date, discharge_date nulls last, spell_id
    ) as from_first,
    row_number() over (
      partition by person_id, cluster, day, stay
      order by admission_date desc, discharge_date desc nulls first, spell_id desc
    ) as from_last
  from numbered
)
select
  max(case when from_first = 1 then spell_id end) as cips_id,
  person_id,
  max(case when from_first = 1 then admission_date end) as admission_date,
  max(case when from_last = 1 then discharge_date end) as discharge_date,
  max(case when from_first = 1 then admission_method end) as admission_method,
  max(case when from_first = 1 then primary_diagnosis end) as primary_diagnosis,
  max(case when from_last = 1 then discharge_method end) as discharge_method,
  max(case when from_last = 1 then discharge_destination end) as discharge_destination,
  coalesce(max(case when from_first = 1 and emergency_flag then 1 else 0 end) = 1, false) as emergency_flag,
  count(*) as spell_count,
  day as known_from,
  next_day as known_until
from placed
group by person_id, cluster, day, next_day, stay
