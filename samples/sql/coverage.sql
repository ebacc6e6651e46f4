-- Coverage: each host and day from the first day with DNS queries on any host to the last, and
-- whether the host's logs reach over the day: from the first DNS query of a file to its last one.
-- Days without are days of which nothing is known.
SET TimeZone = 'UTC';
WITH logged AS (
    SELECT unnest(computers) AS computer,
           CAST(dns_first_time AS DATE) AS first_day,
           CAST(dns_last_time AS DATE) AS last_day
    FROM 'files.parquet'
    WHERE dns_first_time IS NOT NULL AND len(computers) = 1
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
