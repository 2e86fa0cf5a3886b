-- relation: marts.calendar_day
-- purpose: What is known of the days of every business: public holidays of its country, and what it says itself of events, closed days and incidents.
-- grain: business_id, day, kind, entry
-- inputs: staging.calendar_holiday, staging.calendar_entry, staging.business
-- built: table
-- owner: warehouse
-- columns:
--   business_id varchar - the business
--   day date local-day the day
--   kind varchar - holiday, event, closed or incident
--   entry varchar - the calendar entry, which may span several days; empty for holidays
--   kpi_id varchar - the KPI that it is said of; null when it is said of every KPI of the business
--   name varchar - what it is called
with
holiday as (
    select
        country,
        day,
        name
    from staging.calendar_holiday
),

entry as (
    select
        business_id,
        entry_id,
        kpi_id,
        kind,
        name,
        first_day,
        last_day
    from staging.calendar_entry
),

business as (
    select
        business_id,
        country
    from staging.business
),

-- An entry spans 367 days at most.
entry_day as (
    select
        entry.business_id,
        cast(entry.first_day + tens.number * 20 * interval '1' day + ones.number * interval '1' day as date) as day,
        entry.kind,
        entry.entry_id,
        entry.kpi_id,
        entry.name,
        entry.last_day
    from entry
    cross join (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15), (16), (17), (18)) as tens (number)
    cross join (values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15), (16), (17), (18), (19)) as ones (number)
)

select
    business.business_id,
    holiday.day,
    'holiday' as kind,
    '' as entry,
    cast(null as varchar) as kpi_id,
    holiday.name
from holiday
inner join business
    on holiday.country = business.country

union all

select
    entry_day.business_id,
    entry_day.day,
    entry_day.kind,
    entry_day.entry_id as entry,
    entry_day.kpi_id,
    entry_day.name
from entry_day
inner join business
    on entry_day.business_id = business.business_id
where entry_day.day <= entry_day.last_day
