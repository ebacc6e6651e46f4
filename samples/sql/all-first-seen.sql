-- First seen over all queries: each domain, when it was queried first and last, by how many names
-- and hosts, and how many of its queries match. Needs a sweep with --queries.
SET TimeZone = 'UTC';
SELECT coalesce(registered_domain, query_name_lower) AS domain,
       min(event_time) AS first_seen,
       max(event_time) AS last_seen,
       count(DISTINCT query_name_lower) AS names,
       count(DISTINCT computer) AS hosts,
       count(*) AS queries,
       count(*) FILTER (event_hash IN (SELECT event_hash FROM 'matches.parquet' WHERE excluded_by IS NULL)) AS matches
FROM 'queries.parquet'
WHERE NOT duplicate
GROUP BY domain
ORDER BY first_seen, domain;
