-- What anybody would write for the same numbers: the reference that the service is held against.
select
  k.id,
  k.name,
  k.unit,
  d.day,
  d.value,
  d.currency,
  d.value_converted,
  d.converted_currency,
  d.points,
  d.complete
from kpis as k
inner join serving.kpi_data as d on d.business_id = k.business_id and d.kpi_id = k.id
where k.business_id = $1
  and d.business_id = $1
  and d.day >= $2
  and d.day < $3
order by k.id, d.day
