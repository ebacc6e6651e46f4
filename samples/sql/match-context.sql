-- Match context: each match with the command line of the process that asked, its parent's, and the
-- programs that started it, the oldest known one first. Needs a sweep with --context.
SET TimeZone = 'UTC';
WITH RECURSIVE events AS (
    SELECT DISTINCT event_time, computer, query_name, image, process_guid, event_hash
    FROM 'matches.parquet'
    WHERE NOT duplicate AND excluded_by IS NULL
),
lines AS (
    SELECT lower(computer) AS host, process_guid, parent_process_guid AS next, 1 AS steps,
           [parent_image] AS started_by
    FROM 'processes.parquet'
    WHERE depth = 0 AND parent_image <> '-'
    UNION ALL
    SELECT host, lines.process_guid, parent.parent_process_guid, steps + 1,
           list_prepend(parent.parent_image, started_by)
    FROM lines
    JOIN 'processes.parquet' AS parent
      ON lower(parent.computer) = host AND parent.process_guid = next
    WHERE steps < 16 AND parent.parent_image <> '-'
),
whole AS (
    SELECT host, process_guid, arg_max(started_by, steps) AS started_by
    FROM lines
    GROUP BY host, process_guid
)
SELECT events.event_time, events.computer, query_name, events.image, status AS process,
       command_line, parent_image, parent_command_line, sha256,
       array_to_string(started_by, ' > ') AS started_by, events.event_hash
FROM events
LEFT JOIN 'processes.parquet' AS own
  ON lower(own.computer) = lower(events.computer) AND own.process_guid = events.process_guid
LEFT JOIN whole
  ON whole.host = lower(events.computer) AND whole.process_guid = events.process_guid
ORDER BY events.event_time, events.computer, events.event_hash;
