-- Grain: one row per person whom the opt-out policy takes out of a purpose, as known on a day.
-- Inputs: opt_out (record), opt_out_policy (reference/opt_out_policy.csv).
-- Parameters: $index the day, $purpose e.g. 'direct_care_list'.
-- Meaning: the latest effective policy row per opt-out type and source decides. An opt-out keeps a person in only when
-- the policy says 'keep' for every source; a type that the policy does not name takes the person out.
with policy_by_recency as (
    select
        opt_out_type,
        source,
        decision,
        row_number() over (partition by opt_out_type, source order by effective_from desc, decision) as recency
    from opt_out_policy
    where
        purpose = $purpose
        and effective_from <= $index
),
kept_type as (
    select opt_out_type
    from policy_by_recency
    where recency = 1
    group by opt_out_type
    having count(*) filter (where decision <> 'keep') = 0
)
select distinct o.person_id
from opt_out as o
left join kept_type as k on k.opt_out_type = o.opt_out_type
where
    k.opt_out_type is null
    and o.start_date <= $index
    and o.known_from <= $index
    and (o.known_until is null or o.known_until > $index)
order by o.person_id
