-- relation: checks.kpi_anomalies_score
-- purpose: Anomalies that are none by their own numbers: without a score, with bounds that cross, on the wrong side, or of a value that is not there.
-- grain: business_id, kpi_id, grain, starts_at
-- inputs: anomalies.kpi_anomalies
-- built: window day by month
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   grain varchar - day or hour
--   starts_at timestamptz UTC when the day or hour begins
--   day date local-day the day
--   kind varchar - what it is
--   value double kpi-unit the value judged
--   expected double kpi-unit what was to be expected
--   lower double kpi-unit lower end of what is ordinary
--   upper double kpi-unit upper end of what is ordinary
--   score double - how far out of the ordinary
with
anomaly as (
    select
        business_id,
        kpi_id,
        grain,
        starts_at,
        day,
        kind,
        value,
        expected,
        lower,
        upper,
        score,
        direction,
        severity
    from anomalies.kpi_anomalies
)

-- Not a number is greater than any number.
select
    business_id,
    kpi_id,
    grain,
    starts_at,
    day,
    kind,
    value,
    expected,
    lower,
    upper,
    score
from anomaly
where coalesce(not (score > 0 and score <= 1), true)
    or coalesce(not (lower <= expected and expected <= upper), true)
    or not (abs(lower) < 1e308 and abs(expected) < 1e308 and abs(upper) < 1e308)
    or (value is null) <> (kind = 'missing')
    or (kind in ('spike', 'dip') and (direction = 'below') <> (value < expected))
    or (kind = 'dip') and direction <> 'below'
    or severity is null
