-- relation: checks.forecast_accuracy_finite
-- purpose: Figures of past forecasts that cannot be: no finite numbers, shares beyond 0 to 1, or more days than the band has.
-- grain: business_id, kpi_id, vintage, horizon_from
-- inputs: marts.forecast_accuracy
-- built: window vintage by month
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   vintage date UTC-day when the forecast was made
--   horizon_from integer days first day of the band
--   horizon_to integer days last day of the band
--   days bigint days days that came
--   mae double kpi-unit mean absolute error
--   mase double - the same as a multiple of the seasonal naive error
--   smape double percent symmetric mean absolute percentage error
--   coverage_80 double fraction share of the days inside the 80 % interval
--   coverage_95 double fraction share of the days inside the 95 % interval
with
accuracy as (
    select
        business_id,
        kpi_id,
        vintage,
        horizon_from,
        horizon_to,
        days,
        mae,
        mase,
        smape,
        coverage_80,
        coverage_95
    from marts.forecast_accuracy
)

-- Not-a-number is greater than every number in DuckDB, so that each upper end refuses it.
select
    business_id,
    kpi_id,
    vintage,
    horizon_from,
    horizon_to,
    days,
    mae,
    mase,
    smape,
    coverage_80,
    coverage_95
from accuracy
where not coalesce(
        days between 1 and horizon_to - horizon_from + 1
        and mae between 0 and 1.7976931348623157e308
        and coalesce(mase, 0) between 0 and 1.7976931348623157e308
        and smape between 0 and 200.000001
        and coverage_80 between 0 and coverage_95
        and coverage_95 <= 1,
        false
    )
