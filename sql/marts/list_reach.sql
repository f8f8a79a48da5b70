-- Grain: one row per person shown on a weekly list.
-- Inputs: list_ledger (week, person_id, shown), mart_month.
-- Parameter: $data_date.
select
    l.person_id,
    l.week as day,
    m.month_start,
    1 as value
from list_ledger as l
inner join mart_month as m on l.week >= m.month_start and l.week < m.next_month
where
    l.shown
    and l.week <= $data_date
