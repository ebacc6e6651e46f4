-- Inside labels: the rules' patterns that also match inside a label of a name, with these names.
SELECT detection_name, pattern,
       count(*) AS hits,
       count(*) FILTER (is_on_label) AS on_label,
       list(DISTINCT query_name_lower ORDER BY query_name_lower) FILTER (NOT is_on_label) AS names_inside
FROM (SELECT *, list_contains(matched_query_on_label, pattern) AS is_on_label
      FROM (SELECT *, unnest(matched_query) AS pattern
            FROM 'matches.parquet'
            WHERE NOT duplicate AND excluded_by IS NULL))
GROUP BY detection_name, pattern
HAVING on_label < hits
ORDER BY hits - on_label DESC, detection_name, pattern;
