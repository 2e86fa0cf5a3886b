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
--   lowest double kpi-unit the least value that it can take; null when there is no end; not below 0 when it is non-negative
--   highest double kpi-unit the largest value that it can take; null when there is no end
--   is_integer boolean - true when its values are whole numbers
--   part_of varchar - the KPI that is the total of this one and others; null when there is none, or when that one is unknown
--   least_deviation double kpi-unit distance from what is expected below which nothing is an anomaly; 0 when none was given
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
        non_negative,
        lowest,
        highest,
        is_integer,
        part_of,
        least_deviation
    from raw.kpis
)

select
    kpis.business_id,
    kpis.kpi_id,
    kpis.source_id,
    kpis.name,
    kpis.unit,
    upper(nullif(kpis.currency, '')) as currency,
    lower(kpis.aggregation) as aggregation,
    lower(kpis.grain) as grain,
    kpis.non_negative,
    case when kpis.non_negative and coalesce(kpis.lowest, 0.0) <= 0.0 then 0.0 else kpis.lowest end as lowest,
    kpis.highest,
    coalesce(kpis.is_integer, false) as is_integer,
    totals.kpi_id as part_of,
    coalesce(kpis.least_deviation, 0.0) as least_deviation
from kpis
left join kpis as totals
    on kpis.business_id = totals.business_id
    and kpis.part_of = totals.kpi_id
