-- Not cleared: hosts without a match of which too little was seen, and why.
SET TimeZone = 'UTC';
SELECT computer, evidence, verdict, period_coverage, dns_queries_in_period,
       dns_first_time, dns_last_time, damaged_files, not_read_files, missed_containers
FROM 'hosts.parquet'
WHERE matches = 0
  AND (verdict <> 'no matches'
       OR damaged_files + not_read_files + missed_containers > 0
       OR period_coverage <> 'whole'
       OR period_coverage IS NOT NULL AND unreadable_times > 0)
ORDER BY verdict, computer, evidence;
