-- relation: staging.calendar_entry
-- purpose: What businesses say of their days: events, days on which they are closed, incidents.
-- grain: business_id, entry_id
-- inputs: raw.calendar_entries
-- built: view
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   entry_id varchar - the entry
--   kpi_id varchar - the KPI that it is said of; null when it is said of every KPI of the business
--   kind varchar - event (something that moves values), closed (no business is done) or incident (values that mean nothing)
--   name varchar - what it is called
--   first_day date local-day the first day
--   last_day date local-day the last day, itself included
with
entries as (
    select
        business_id,
        entry_id,
        kpi_id,
        kind,
        name,
        first_day,
        last_day
    from raw.calendar_entries
)

select
    business_id,
    entry_id,
    kpi_id,
    lower(kind) as kind,
    name,
    first_day,
    last_day
from entries
