-- First seen: each queried domain, when it was queried first and last, by how many names and hosts.
SET TimeZone = 'UTC';
SELECT coalesce(registered_domain, query_name_lower) AS domain,
       min(event_time) AS first_seen,
       max(event_time) AS last_seen,
       count(DISTINCT query_name_lower) AS names,
       count(DISTINCT computer) AS hosts,
       count(DISTINCT event_hash) AS queries
FROM 'matches.parquet'
WHERE NOT duplicate AND excluded_by IS NULL
GROUP BY domain
ORDER BY first_seen, domain;
