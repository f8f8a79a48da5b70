-- Grain: one row per (person, deficit, known_until): from which Monday on a recorded deficit could be read.
-- Inputs: gp_event, feature_deficit_code (code, deficit_bit bigint), feature_span (first_week, last_week).
-- A deficit once recorded stays (decisions: ever recorded), until every row that carries it is withdrawn; so only the
-- earliest readable day per end of validity is kept, and 52 weeks cost one pass over the events.
select
    e.person_id,
    c.deficit_bit,
    min(greatest(e.known_from, e.event_date + 1)) as readable_from,
    e.known_until as readable_until
from gp_event as e
inner join feature_deficit_code as c
    on c.code = e.code
cross join feature_span as s
where
    e.event_date < s.last_week
    and e.known_from <= s.last_week
    and (e.known_until is null or e.known_until > s.first_week)
group by
    e.person_id,
    c.deficit_bit,
    e.known_until
