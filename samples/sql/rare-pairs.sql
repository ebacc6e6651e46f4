-- Rare pairs: programs and the names that they query, those on the fewest hosts first.
SET TimeZone = 'UTC';
SELECT process_name,
       lower(query_name) AS name,
       count(DISTINCT computer) AS hosts,
       count(DISTINCT event_hash) AS queries,
       min(event_time) AS first_seen,
       list(DISTINCT computer ORDER BY computer) AS computers
FROM 'matches.parquet'
WHERE NOT duplicate AND excluded_by IS NULL
GROUP BY process_name, name
ORDER BY hosts, queries, first_seen, process_name, name
LIMIT 100;
