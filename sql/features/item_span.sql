-- Grain: one row per version of one item of a group that some week can read.
-- Inputs: feature_issued (person_id, group_id, event_date, item, known_from, known_until),
--         feature_substance (item, substance_item), feature_point (item, points).
-- Items of the same substance are one; an item whose substance is not known stands for itself. points: those of the product.
select
    i.person_id,
    i.group_id,
    i.event_date,
    coalesce(s.substance_item, i.item) as item,
    coalesce(p.points, 0) as points,
    i.known_from,
    i.known_until
from feature_issued as i
left join feature_substance as s
    on s.item = i.item
left join feature_point as p
    on p.item = i.item
