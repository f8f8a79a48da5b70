-- Grain: one row per emergency attendance or emergency admission for a fall or fracture, as known on the data date.
-- Inputs: ed_attendance, hospital_episode, outcome_code (code). Parameter: $data_date.
-- An admission counts on its first day. ICD-10: fractures are S02 to S92 with third character 2 and M80; W00 to W19 are
-- falls as the outside cause of an injury.
select
    a.person_id,
    a.event_date
from ed_attendance as a
where
    (
        a.chief_complaint_code in (select code from outcome_code)
        or a.diagnosis_code_1 in (select code from outcome_code)
    )
    and a.event_date < $data_date
    and a.known_from <= $data_date
    and (a.known_until is null or a.known_until > $data_date)
union all
select
    e.person_id,
    e.admission_date as event_date
from hospital_episode as e
where
    e.admission_method like '2%'
    and (
        e.diagnosis_1 like 'S_2%'
        or e.diagnosis_1 like 'M80%'
        or concat_ws(
            ' ',
            '',
            e.diagnosis_2,
            e.diagnosis_3,
            e.diagnosis_4,
            e.diagnosis_5,
            e.diagnosis_6,
            e.diagnosis_7,
            e.diagnosis_8
        ) like '% W0%'
        or concat_ws(
            ' ',
            '',
            e.diagnosis_2,
            e.diagnosis_3,
            e.diagnosis_4,
            e.diagnosis_5,
            e.diagnosis_6,
            e.diagnosis_7,
            e.diagnosis_8
        ) like '% W1%'
    )
    and e.admission_date < $data_date
    and e.known_from <= $data_date
    and (e.known_until is null or e.known_until > $data_date)
