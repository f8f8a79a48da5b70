-- Grain: one row per calendar month: emergency and other hospital stays begun in it, as known on the data date.
-- Inputs: inpatient_spell. Parameter: $data_date. Tells from when on the history is filled.
select
    cast(date_trunc('month', admission_date) as date) as month,
    count(*) as stay_count
from inpatient_spell
where
    admission_date < $data_date
    and known_from <= $data_date
    and (known_until is null or known_until > $data_date)
group by month
order by month
