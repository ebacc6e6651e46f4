-- Top talkers: hosts and programs with the most matches, and on how many days.
SET TimeZone = 'UTC';
SELECT computer, process_name,
       count(DISTINCT event_hash) AS queries,
       count(DISTINCT query_name_lower) AS names,
       count(DISTINCT CAST(event_time AS DATE)) AS days,
       min(event_time) AS first_seen,
       max(event_time) AS last_seen
FROM 'matches.parquet'
WHERE NOT duplicate AND excluded_by IS NULL
GROUP BY computer, process_name
ORDER BY queries DESC, computer, process_name
LIMIT 100;
