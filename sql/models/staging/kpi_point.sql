-- relation: staging.kpi_point
-- purpose: The current value of every KPI at every instant: of several landings of one point the latest.
-- grain: business_id, kpi_id, measured_at
-- inputs: raw.kpi_points
-- built: view
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   kpi_id varchar - the KPI
--   measured_at timestamptz UTC the instant that the value stands for
--   value double kpi-unit the value
--   source_id varchar - the source that it came from
--   landed_at timestamptz UTC when it landed
with
landed as (
    select
        business_id,
        kpi_id,
        "at" as measured_at,
        value,
        source_id,
        landed_at
    from raw.kpi_points
),

ranked as (
    select
        business_id,
        kpi_id,
        measured_at,
        value,
        source_id,
        landed_at,
        row_number() over (
            partition by business_id, kpi_id, measured_at
            order by landed_at desc, source_id desc, value desc
        ) as landing_rank
    from landed
)

-- A point that lands again is a correction: the latest landing counts. Of landings at one
-- instant the last source, then the greatest value does, so that every run chooses the same row.
select
    business_id,
    kpi_id,
    measured_at,
    value,
    source_id,
    landed_at
from ranked
where landing_rank = 1
