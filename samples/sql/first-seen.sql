-- First seen: each queried name, when it was queried first and last, and on how many hosts.
SET TimeZone = 'UTC';
SELECT lower(query_name) AS name,
       min(event_time) AS first_seen,
       max(event_time) AS last_seen,
       count(DISTINCT computer) AS hosts,
       count(DISTINCT event_hash) AS queries
FROM 'matches.parquet'
WHERE NOT duplicate AND excluded_by IS NULL
GROUP BY name
ORDER BY first_seen, name;
