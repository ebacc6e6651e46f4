-- Timeline: the matches of one host in order, here of the host with the highest risk. For another
-- one, write its name in place of the subquery.
SET TimeZone = 'UTC';
SELECT event_time, process_name, process_id, "user", query_name, query_status_name, resolved_ips,
       detection_name, integrity, source_path, event_record_id
FROM 'matches.parquet'
WHERE NOT duplicate AND excluded_by IS NULL
  AND computer = (SELECT computer
                  FROM 'hosts.parquet'
                  WHERE matches > 0 AND computer IS NOT NULL
                  ORDER BY risk_score DESC NULLS LAST, unique_matches DESC, computer
                  LIMIT 1)
ORDER BY event_time, source_path, record_offset;
