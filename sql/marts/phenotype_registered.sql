-- Grain: one row per first of a month and person whose registration said care home on it.
-- Inputs: mart_span (marts/attribute_span), feature_week (week).
select
    w.week,
    s.person_id
from feature_week as w
inner join mart_span as s on s.from_day <= w.week and s.to_day > w.week
where s.residence = 'Care home'
