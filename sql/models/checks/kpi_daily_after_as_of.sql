-- relation: checks.kpi_daily_after_as_of
-- purpose: Daily values of days that had not begun in the business's time zone when the run was.
-- grain: business_id, kpi_id, day
-- inputs: marts.kpi_daily, run.parameters
-- built: window day by month
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   day date local-day the day
--   starts_at timestamptz UTC when the day begins
--   value double kpi-unit the value
with
kpi_day as (
    select
        business_id,
        kpi_id,
        day,
        starts_at,
        value
    from marts.kpi_daily
),

-- A model may not depend on finer parts of as_of than its day: the day's end is what counts.
run_end as (
    select
        cast(cast(as_of at time zone 'UTC' as date) + interval '1' day as timestamp) at time zone 'UTC' as ends_at
    from run.parameters
)

select
    kpi_day.business_id,
    kpi_day.kpi_id,
    kpi_day.day,
    kpi_day.starts_at,
    kpi_day.value
from kpi_day
cross join run_end
where kpi_day.starts_at >= run_end.ends_at
