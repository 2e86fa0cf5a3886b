-- relation: marts.kpi
-- purpose: Every KPI beside the business that it belongs to and the total that it is a part of: what charts, texts and anomalies say of it.
-- grain: business_id, kpi_id
-- inputs: staging.kpi, staging.business
-- built: table
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   name varchar - its name
--   unit varchar - what one unit of its value is; may be empty
--   currency varchar ISO-4217 currency of its value, null unless it is money
--   aggregation varchar - how points make a longer period: sum, mean, last, min or max
--   grain varchar - day or hour
--   part_of varchar - the KPI that is the total of this one and others; null when there is none
--   business_currency varchar ISO-4217 what the business's money is converted to
--   country varchar ISO-3166-1 the business's country
--   time_zone varchar - IANA name of the zone that its days are cut in
--   expected_alarms double alarms/month how many anomalies of it are told of in a month in which nothing happens
--   least_share double fraction distance from what is expected, as a share of it, below which nothing is an anomaly
--   least_deviation double kpi-unit distance from what is expected below which nothing is an anomaly
with
kpi as (
    select
        business_id,
        kpi_id,
        name,
        unit,
        currency,
        aggregation,
        grain,
        part_of,
        least_deviation
    from staging.kpi
),

business as (
    select
        business_id,
        currency,
        country,
        time_zone,
        expected_alarms,
        least_share
    from staging.business
)

-- KPIs of a business that the control plane no longer has are left out.
select
    kpi.business_id,
    kpi.kpi_id,
    kpi.name,
    kpi.unit,
    kpi.currency,
    kpi.aggregation,
    kpi.grain,
    kpi.part_of,
    business.currency as business_currency,
    business.country,
    business.time_zone,
    business.expected_alarms,
    business.least_share,
    kpi.least_deviation
from kpi
inner join business
    on kpi.business_id = business.business_id
