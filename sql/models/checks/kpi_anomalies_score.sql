-- relation: checks.kpi_anomalies_score
-- purpose: Anomalies that are none by their own numbers: inside their band, past the wrong end of it, or of too little past.
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
--   value double kpi-unit the value judged
--   lower double kpi-unit lower end of what is ordinary
--   upper double kpi-unit upper end of what is ordinary
--   score double - robust standard deviations
--   past_values bigint values how many past values
with
anomaly as (
    select
        business_id,
        kpi_id,
        grain,
        starts_at,
        day,
        value,
        lower,
        upper,
        score,
        past_values
    from anomalies.kpi_anomalies
)

-- At the threshold itself value and band differ by rounding.
select
    business_id,
    kpi_id,
    grain,
    starts_at,
    day,
    value,
    lower,
    upper,
    score,
    past_values
from anomaly
where coalesce(not (abs(score) >= 3.5 and abs(score) <= 1.7976931348623157e308), true)
    or (score > 0 and value < upper - 1e-9 * (abs(value) + abs(upper)))
    or (score < 0 and value > lower + 1e-9 * (abs(value) + abs(lower)))
    or past_values < 5
