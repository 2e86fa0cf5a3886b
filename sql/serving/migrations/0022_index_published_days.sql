-- The days of the large published tables, for publication: it replaces a window of days of all businesses, which no other index finds.

-- +goose Up

-- Rows lie in the tables as they were published, so mostly by day: of each run of pages the first and last day are enough. Such an
-- index has a few kilobytes and costs writers next to nothing. Building one reads the table once and keeps publishing out for so
-- long; readers go on.
create index kpi_data_published_idx on serving.kpi_data using brin (day) with (pages_per_range = 32, autosummarize = on);
create index kpi_weekly_published_idx on serving.kpi_weekly using brin (week_start) with (pages_per_range = 32, autosummarize = on);
create index kpi_trends_published_idx on serving.kpi_trends using brin (day) with (pages_per_range = 32, autosummarize = on);
create index business_days_published_idx on serving.business_days using brin (day) with (pages_per_range = 32, autosummarize = on);

-- The day index of kpi_data took more than a third of what it cost to fill the table. Readers name the KPI, or want all of a business in the
-- order of the primary key, which finds both. Dropping it locks the table for an instant.
drop index serving.kpi_data_day_idx;
