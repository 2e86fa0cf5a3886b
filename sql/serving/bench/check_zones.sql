-- The end of trust_zones.
alter table businesses enable trigger businesses_time_zone_inserted
