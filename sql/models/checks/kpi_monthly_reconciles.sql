-- relation: checks.kpi_monthly_reconciles
-- purpose: Months of summed KPIs whose value is not the sum of their days, or that count other points than the days do.
-- grain: business_id, kpi_id, month
-- inputs: marts.kpi_monthly, marts.kpi_daily, staging.kpi
-- built: window month by month
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   month date local-day the month's first day
--   value double kpi-unit the month's value
--   points bigint points the month's points
--   day_value double kpi-unit the sum of the days' values
--   day_points bigint points the sum of the days' points
with
kpi_month as (
    select
        business_id,
        kpi_id,
        month,
        value,
        points
    from marts.kpi_monthly
),

kpi_day as (
    select
        business_id,
        kpi_id,
        day,
        value,
        points
    from marts.kpi_daily
),

kpi as (
    select
        business_id,
        kpi_id
    from staging.kpi
    where aggregation = 'sum'
),

day_sum as (
    select
        business_id,
        kpi_id,
        cast(date_trunc('month', day) as date) as month,
        sum(value) as value,
        sum(abs(value)) as magnitude,
        sum(points) as points
    from kpi_day
    group by
        business_id,
        kpi_id,
        cast(date_trunc('month', day) as date)
)

-- Floating sums differ by their order: within a billionth of what was added they are equal.
select
    kpi.business_id,
    kpi.kpi_id,
    coalesce(kpi_month.month, day_sum.month) as month,
    kpi_month.value,
    kpi_month.points,
    day_sum.value as day_value,
    cast(day_sum.points as bigint) as day_points
from kpi_month
full outer join day_sum
    on kpi_month.business_id = day_sum.business_id
    and kpi_month.kpi_id = day_sum.kpi_id
    and kpi_month.month = day_sum.month
inner join kpi
    on coalesce(kpi_month.business_id, day_sum.business_id) = kpi.business_id
    and coalesce(kpi_month.kpi_id, day_sum.kpi_id) = kpi.kpi_id
where coalesce(kpi_month.points <> day_sum.points, true)
    or coalesce(abs(kpi_month.value - day_sum.value) > 1e-9 * day_sum.magnitude + 1e-8, true)
