-- Coverage: each host and day from the first day with DNS queries on any host to the last, and
-- whether a log reaches over the day: from the host's first DNS query in it to the last one. Days
-- without are days of which nothing is known.
SET TimeZone = 'UTC';
WITH contents AS (
    SELECT unnest(hosts) AS host
    FROM 'files.parquet'
),
logged AS (
    SELECT host.computer AS computer,
           CAST(host.dns_first_time AS DATE) AS first_day,
           CAST(host.dns_last_time AS DATE) AS last_day
    FROM contents
    WHERE host.dns_first_time IS NOT NULL
),
days AS (
    SELECT CAST(unnest(generate_series(min(first_day), max(last_day), INTERVAL 1 DAY)) AS DATE) AS day
    FROM logged
)
SELECT hosts.computer, days.day,
       bool_or(coalesce(days.day BETWEEN logged.first_day AND logged.last_day, false)) AS dns_logged
FROM 'hosts.parquet' AS hosts
CROSS JOIN days
LEFT JOIN logged ON logged.computer = hosts.computer
WHERE hosts.computer IS NOT NULL
GROUP BY hosts.computer, days.day
ORDER BY hosts.computer, days.day;
