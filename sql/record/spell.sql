-- Spell: a stay with one provider, from admission to discharge, as known.
-- Grain: one row a spell and interval of knowledge. spell_id is the episode id of its first episode.
-- Inputs: hospital_episode.
-- An episode joins the one before it (same person and provider, by start, end, order) when they share the admission
-- date or the start, or when the earlier one did not end in a discharge and this one starts the day that ended
-- (Health Foundation method, see docs/definitions.md). A regular day or night attendance (class 3, 4) is its own spell.
-- Episodes can only join within a cluster: a run of dates of one person with no gap of more than 3 days. Spells are
-- therefore formed anew, within each cluster, on every day on which something about it became known or was withdrawn.
with dated as (
  select
    *,
    coalesce(admission_date, episode_start) as admitted,
    least(coalesce(admission_date, episode_start), episode_start) as first_day,
    greatest(
      coalesce(discharge_date, episode_end, episode_start),
      coalesce(episode_end, episode_start),
      episode_start
    ) as last_day,
    coalesce(patient_class in ('3', '4'), false) as regular
  from hospital_episode
  where episode_start is not null
),
reached as (
  select
    *,
    max(last_day) over (
      partition by person_id, regular
      order by first_day, episode_start, episode_id, known_from
      rows between unbounded preceding and 1 preceding
    ) as reached_before
  from dated
),
clustered as (
  select
    *,
    case
      when regular then episode_id
      else cast(sum(case when reached_before is null or date_diff('day', reached_before, first_day) > 3 then 1 else 0 end) over (
        partition by person_id, regular
        order by first_day, episode_start, episode_id, known_from
        rows between unbounded preceding and current row
      ) as bigint)
    end as cluster
  from reached
),
moment as (
  select person_id, regular, cluster, known_from as day from clustered
  union
  select person_id, regular, cluster, known_until as day from clustered where known_until is not null
),
bounded as (
  select
    person_id,
    regular,
    cluster,
    day,
    lead(day) over (partition by person_id, regular, cluster order by day) as next_day
  from moment
),
visible as (
  select
    b.day,
    b.next_day,
    c.*,
    lag(c.admitted) over seen as previous_admitted,
    lag(c.episode_start) over seen as previous_start,
    lag(c.episode_end) over seen as previous_end,
    lag(c.discharge_method) over seen as previous_method
  from bounded b
  join clustered c
    on c.person_id = b.person_id
    and c.regular = b.regular
    and c.cluster = b.cluster
    and c.known_from <= b.day
    and (c.known_until is null or c.known_until > b.day)
  window seen as (
    partition by c.person_id, c.regular, c.cluster, b.day, c.provider_code
    order by c.episode_start, c.episode_end nulls last, c.episode_order, c.episode_id
  )
),
numbered as (
  select
    *,
    sum(
      case
        when previous_start is null then 1
        when previous_admitted = admitted then 0
        when previous_start = episode_start then 0
        when coalesce(previous_method, '8') in ('8', '9') and previous_end = episode_start then 0
        else 1
      end
    ) over (
      partition by person_id, regular, cluster, day, provider_code
      order by episode_start, episode_end nulls last, episode_order, episode_id
      rows between unbounded preceding and current row
    ) as spell_number_in_cluster
  from visible
),
placed as (
  select
    *,
    row_number() over (
      partition by person_id, regular, cluster, day, provider_code, spell_number_in_cluster
      order by episode_start, episode_end nulls last, episode_order, episode_id
    ) as from_first,
    row_number() over (
      partition by person_id, regular, cluster, day, provider_code, spell_number_in_cluster
      order by episode_start desc, episode_end desc nulls first, episode_order desc, episode_id desc
    ) as from_last
  from numbered
),
formed as (
  select
    person_id,
    regular,
    cluster,
    day,
    next_day,
    provider_code,
    max(case when from_first = 1 then episode_id end) as spell_id,
    max(case when from_first = 1 then admitted end) as admission_date,
    max(case when from_last = 1 then discharge_date end) as discharge_date,
    max(case when from_first = 1 then admission_method end) as admission_method,
    max(case when from_first = 1 then admission_source end) as admission_source,
    max(case when from_last = 1 then discharge_method end) as discharge_method,
    max(case when from_last = 1 then discharge_destination end) as discharge_destination,
    max(case when from_first = 1 then patient_class end) as patient_class,
    max(case when from_first = 1 then diagnosis_1 end) as primary_diagnosis,
    count(*) as episode_count
  from placed
  group by person_id, regular, cluster, day, next_day, provider_code, spell_number_in_cluster
)
select
  spell_id,
  person_id,
  provider_code,
  cluster,
  admission_date,
  discharge_date,
  admission_method,
  admission_source,
  discharge_method,
  discharge_destination,
  patient_class,
  primary_diagnosis,
  episode_count,
  coalesce(admission_method in ('21', '22', '23', '24', '25', '28', '2A', '2B', '2C', '2D'), false) as emergency_flag,
  day as known_from,
  next_day as known_until
from formed
