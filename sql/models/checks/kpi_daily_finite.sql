-- relation: checks.kpi_daily_finite
-- purpose: Daily values that are missing or no finite number.
-- grain: business_id, kpi_id, day
-- inputs: marts.kpi_daily
-- built: window day by month
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   day date local-day the day
--   value double kpi-unit the value
--   value_converted double business-currency the converted value
with
kpi_day as (
    select
        business_id,
        kpi_id,
        day,
        value,
        value_converted
    from marts.kpi_daily
)

-- The comparison with the greatest double is false for infinity and for not-a-number alike.
select
    business_id,
    kpi_id,
    day,
    value,
    value_converted
from kpi_day
where coalesce(not (abs(value) <= 1.7976931348623157e308), true)
    or coalesce(not (abs(value_converted) <= 1.7976931348623157e308), false)
