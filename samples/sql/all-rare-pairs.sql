-- Rare pairs over all queries: programs and the domains that they query, those on the fewest hosts
-- first. Needs a sweep with --queries.
SET TimeZone = 'UTC';
SELECT process_name,
       coalesce(registered_domain, query_name_lower) AS domain,
       count(DISTINCT computer) AS hosts,
       count(*) AS queries,
       min(event_time) AS first_seen,
       list(DISTINCT computer ORDER BY computer) AS computers
FROM 'queries.parquet'
WHERE NOT duplicate
GROUP BY process_name, domain
ORDER BY hosts, queries, first_seen, process_name, domain
LIMIT 100;
