-- Beacons: names that a program on a host queries again and again, the most regular first. The
-- spread is the standard deviation of the intervals in parts of their mean: a timer has one near 0.
SET TimeZone = 'UTC';
WITH events AS (
    SELECT DISTINCT computer, image, query_name_lower AS name, event_time, event_hash
    FROM 'matches.parquet'
    WHERE NOT duplicate AND excluded_by IS NULL
),
intervals AS (
    SELECT computer, image, name, event_time,
           epoch(event_time - lag(event_time) OVER (
               PARTITION BY computer, image, name ORDER BY event_time)) AS seconds
    FROM events
)
SELECT computer, image, name,
       count(*) AS queries,
       min(event_time) AS first_seen,
       max(event_time) AS last_seen,
       round(median(seconds) / 60, 1) AS median_minutes,
       round(stddev_pop(seconds) / avg(seconds), 2) AS spread
FROM intervals
GROUP BY computer, image, name
HAVING count(seconds) >= 3 AND avg(seconds) > 0
ORDER BY spread, queries DESC, computer, image, name;
