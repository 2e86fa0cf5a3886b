-- Everything was published by one run as of $1.
insert into serving.publications (table_name, dataset, snapshot, run_id, as_of, rows, published_at)
select
  name,
  'marts.' || name,
  1,
  '00000005-0000-7000-8000-000000000001',
  $1::timestamptz,
  0,
  $1::timestamptz
from unnest(array['kpi_data', 'forecasts', 'kpi_anomalies', 'business_days']) as name
