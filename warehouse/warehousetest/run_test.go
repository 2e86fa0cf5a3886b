package warehousetest_test

import (
	"testing"
	"testing/fstest"

	"github.com/signalcraft/signalcraft/warehouse/warehousetest"
)

const model = `-- relation: marts.sales_daily
-- purpose: Sales of each local day.
-- grain: business_id, day
-- inputs: staging.kpi_point, staging.business,
--   run.parameters
-- built: window day by month lookback 1 day
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   day date local-day its local day
--   value double kpi-unit the sum
with
local_point as (
    select
        kpi_point.business_id,
        cast(timezone(business.time_zone, kpi_point."at") as date) as day,
        kpi_point.value
    from staging.kpi_point as kpi_point
    inner join staging.business as business
        on business.business_id = kpi_point.business_id
    cross join run.parameters as parameters
    where parameters.as_of is null or kpi_point."at" < parameters.as_of
)
select
    business_id,
    day,
    sum(value) as value
from local_point
group by business_id, day
`

const stagingPoint = `-- relation: staging.kpi_point
-- purpose: Points.
-- grain: business_id, at
-- inputs: raw.kpi_points
-- built: view
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   at timestamptz utc instant
--   value double kpi-unit value
select business_id, "at", value
from raw.kpi_points
`

const stagingBusiness = `-- relation: staging.business
-- purpose: Businesses.
-- grain: business_id
-- inputs: raw.businesses
-- built: view
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   time_zone varchar iana zone
select business_id, time_zone
from raw.businesses
`

func files(test string) fstest.MapFS {
	return fstest.MapFS{
		"marts/sales_daily.sql":        {Data: []byte(model)},
		"marts/sales_daily.test.txtar": {Data: []byte(test)},
		"staging/kpi_point.sql":        {Data: []byte(stagingPoint)},
		"staging/kpi_point.test.txtar": {Data: []byte("Points pass.\n-- typical/input/raw.kpi_points --\nbusiness_id varchar | at timestamptz | value double\nx | 2024-01-01 | 1e3\n-- typical/want --\nat timestamptz | business_id varchar\n2024-01-01 01:00:00+01 | x\n-- empty/want --\nvalue double\n")},
		"staging/business.sql":         {Data: []byte(stagingBusiness)},
		"staging/business.test.txtar":  {Data: []byte("Zones pass.\n-- typical/input/raw.businesses --\nbusiness_id varchar, time_zone varchar\n\"a, b\", \"\"\n-- typical/want --\nbusiness_id varchar, time_zone varchar\n\"a, b\", \"\"\n-- empty/want --\nbusiness_id varchar, time_zone varchar\n")},
	}
}

const passing = `Days are local.

-- typical/input/staging.kpi_point --
business_id varchar | at timestamptz      | value double
# 23:30 UTC is the next day in Paris, also when the clock changes
cafe                | 2024-03-30 23:30:00 | 0.1
cafe                | 2024-03-31 12:00:00 | 0.2
cafe                | 2024-04-10 12:00:00 | 9
cafe                | 2024-02-10 12:00:00 | 9
-- typical/input/staging.business --
business_id varchar | time_zone varchar
cafe                | Europe/Paris
-- typical/parameters --
as_of timestamptz   | window_start date | window_end date
2024-04-02 00:00:00 | 2024-03-01        | 2024-04-01
-- typical/want --
business_id varchar | day date   | value double
cafe                | 2024-03-31 | 0.3
-- typical/want/local_point --
day date   | value double
2024-02-10 | 9
2024-03-31 | 0.1
2024-03-31 | 0.2
-- empty/want --
business_id varchar | day date | value double
`

func TestRunPassesAModelThatIsRight(t *testing.T) {
	warehousetest.Run(t, files(passing))
}
