-- Rare pairs: programs and the domains that they query, those on the fewest hosts first.
SET TimeZone = 'UTC';
SELECT process_name,
       coalesce(registered_domain, query_name_lower) AS domain,
       count(DISTINCT computer) AS hosts,
       count(DISTINCT event_hash) AS queries,
       min(event_time) AS first_seen,
       list(DISTINCT computer ORDER BY computer) AS computers
FROM 'matches.parquet'
WHERE NOT duplicate AND excluded_by IS NULL
GROUP BY process_name, domain
ORDER BY hosts, queries, first_seen, process_name, domain
LIMIT 100;
