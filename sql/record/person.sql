-- Person: demographic facts as known.
-- Grain: one row a person and interval of knowledge; at any day at most one row of a person is visible.
-- Inputs: gp_registration_history.
-- A local second character of the ethnic category is left out: the national letter is the first.
-- Of two registrations the one that started last speaks, then the one known last. A person whose registrations have all
-- been closed (moved away) has no visible row from that day on.
with moment as (
  select person_id, known_from as day from gp_registration_history
  union
  select person_id, known_until as day from gp_registration_history where known_until is not null
),
visible as (
  select
    m.person_id,
    m.day,
    h.birth_month,
    h.sex_code,
    h.ethnic_code,
    h.lsoa_code,
    h.household_id,
    h.residential_institute_code,
    h.sensitive_flag,
    row_number() over (
      partition by m.person_id, m.day
      order by h.start_date desc, h.known_from desc, h.practice_code
    ) as place
  from moment m
  join gp_registration_history h
    on h.person_id = m.person_id
    and h.known_from <= m.day
    and (h.known_until is null or h.known_until > m.day)
),
bounded as (
  select
    m.person_id,
    m.day as known_from,
    lead(m.day) over (partition by m.person_id order by m.day) as known_until
  from moment m
)
select
  b.person_id,
  v.birth_month,
  v.sex_code,
  case
    when length(v.ethnic_code) = 2 and substr(v.ethnic_code, 1, 1) between 'A' and 'Z' then substr(v.ethnic_code, 1, 1)
    else v.ethnic_code
  end as ethnic_code,
  v.lsoa_code,
  v.household_id,
  v.residential_institute_code,
  coalesce(v.sensitive_flag, false) as sensitive_flag,
  b.known_from,
  b.known_until
from bounded b
join visible v
  on v.person_id = b.person_id
  and v.day = b.known_from
  and v.place = 1
