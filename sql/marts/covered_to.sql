-- Grain: one row.
-- Inputs: inpatient_spell (record).
-- Parameter: $data_date.
-- Meaning: the last day that the hospital extract covers: the latest admission or discharge in it, not after the data
-- date. Midnights of a stay without a discharge are counted to that day.
select max(case when discharge_date > admission_date then discharge_date else admission_date end) as covered_to
from inpatient_spell
where
    admission_date <= $data_date
    and (discharge_date is null or discharge_date <= $data_date)
    and known_from <= $data_date
    and (known_until is null or known_until > $data_date)
