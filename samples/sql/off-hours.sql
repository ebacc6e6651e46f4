-- Off hours: queries at night and at weekends. Times in the tables are UTC. The time zone decides
-- what is night: put your site's zone here, such as 'Europe/Helsinki'.
SET TimeZone = 'UTC';
SELECT DISTINCT event_time, computer, "user", process_name, query_name, event_hash
FROM 'matches.parquet'
WHERE NOT duplicate AND excluded_by IS NULL
  AND (isodow(event_time) > 5 OR hour(event_time) NOT BETWEEN 7 AND 18)
ORDER BY event_time, computer, event_hash;
