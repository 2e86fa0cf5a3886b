-- relation: staging.kpi
-- purpose: Every KPI with its unit, currency, aggregation and grain, as the control plane describes it.
-- grain: business_id, kpi_id
-- inputs: raw.kpis
-- built: view
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   source_id varchar - the source that it is read from
--   name varchar - its name
--   unit varchar - what one unit of its value is
--   currency varchar ISO-4217 currency of its value, null unless it is money
--   aggregation varchar - how points make a longer period: sum, mean, last, min or max
--   grain varchar - day or hour
--   non_negative boolean - true when its value is never below zero
with
kpis as (
    select
        business_id,
        kpi_id,
        source_id,
        name,
        unit,
        currency,
        aggregation,
        grain,
        non_negative
    from raw.kpis
)

select
    business_id,
    kpi_id,
    source_id,
    name,
    unit,
    upper(nullif(currency, '')) as currency,
    lower(aggregation) as aggregation,
    lower(grain) as grain,
    non_negative
from kpis
