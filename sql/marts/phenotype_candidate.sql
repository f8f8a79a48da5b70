-- Grain: one row per person who may have a level of a phenotype on some first of a month.
-- Inputs: phenotype_entry (person_id, group_id, event_date, value), feature_interval (person_id), mart_span
-- (marts/attribute_span), phenotype_need (group_id, value, fewest_days).
-- Meaning: a group is enough for a level where it holds so many different days, with one of the values that a rule asks
-- for (null: any). Being open, or registered at the address of an institution, is enough as well.
select e.person_id
from phenotype_entry as e
inner join phenotype_need as n on n.group_id = e.group_id and (n.value is null or n.value = e.value)
group by
    e.person_id,
    e.group_id,
    n.fewest_days
having count(distinct e.event_date) >= n.fewest_days
union
select person_id
from feature_interval
union
select person_id
from mart_span
where residence = 'Care home'
