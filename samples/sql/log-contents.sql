-- Log contents: which machine's records are in which log, by the channel that they were written
-- to. A collector's log has the records of many machines. A second run means missing numbers.
SET TimeZone = 'UTC';
WITH runs AS (
    SELECT evidence, source_path, unnest(record_runs, recursive := true)
    FROM 'files.parquet'
)
SELECT computer, channel, evidence, source_path,
       sum(last_record_id - first_record_id + 1) AS numbers,
       count(*) AS runs,
       min(first_record_id) AS first_record_id,
       max(last_record_id) AS last_record_id,
       arg_min(first_time, first_record_id) AS first_time,
       arg_max(last_time, last_record_id) AS last_time
FROM runs
GROUP BY computer, channel, evidence, source_path
ORDER BY computer, channel, evidence, source_path;
