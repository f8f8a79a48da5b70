-- Grain: one row per frailty code in a GP record: the band it says, from when, and while it was known.
-- Inputs: coded_gp_event (marts/coded_gp_event), frailty_code (code, band; from commissioning/frailty_band.yaml).
-- Meaning: frailty recorded by a clinician; the newest code wins, downgrades too. It is not a computed index.
select
    e.person_id,
    c.band,
    e.event_date,
    e.known_from,
    e.known_until
from coded_gp_event as e
inner join frailty_code as c on c.code = e.code
