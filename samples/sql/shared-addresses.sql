-- Shared addresses: what several hosts resolved to the same address.
SELECT address,
       count(DISTINCT computer) AS hosts,
       list(DISTINCT computer ORDER BY computer) AS computers,
       list(DISTINCT query_name_lower ORDER BY query_name_lower) AS names
FROM (SELECT unnest(resolved_ips) AS address, computer, query_name_lower
      FROM 'matches.parquet'
      WHERE NOT duplicate AND excluded_by IS NULL)
GROUP BY address
HAVING hosts > 1
ORDER BY hosts DESC, address;
