-- relation: checks.kpi_forecasts_bounds
-- purpose: Forecasts whose intervals do not enclose each other and the mean, that are no finite numbers or lie before their horizon.
-- grain: business_id, kpi_id, vintage, day
-- inputs: marts.kpi_forecasts
-- built: window vintage by month
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   vintage date UTC-day when the forecast was made
--   day date local-day the day forecast
--   horizon integer days days after the last observed day
--   mean double kpi-unit the forecast
--   lower_80 double kpi-unit lower end of the 80 % interval
--   upper_80 double kpi-unit upper end of the 80 % interval
--   lower_95 double kpi-unit lower end of the 95 % interval
--   upper_95 double kpi-unit upper end of the 95 % interval
with
forecast as (
    select
        business_id,
        kpi_id,
        vintage,
        day,
        horizon,
        mean,
        lower_80,
        upper_80,
        lower_95,
        upper_95
    from marts.kpi_forecasts
)

-- Not-a-number passes every order in DuckDB as the greatest number: the outer bounds are held against the greatest double.
select
    business_id,
    kpi_id,
    vintage,
    day,
    horizon,
    mean,
    lower_80,
    upper_80,
    lower_95,
    upper_95
from forecast
where coalesce(
        not (
            -1.7976931348623157e308 <= lower_95
            and lower_95 <= lower_80
            and lower_80 <= mean
            and mean <= upper_80
            and upper_80 <= upper_95
            and upper_95 <= 1.7976931348623157e308
        ),
        true
    )
    or horizon < 1
