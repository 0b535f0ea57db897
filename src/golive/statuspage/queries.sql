-- name: days
SELECT check_name, toDate(time) AS day, count() AS results, countIf(NOT ok) AS failures
FROM check_results
WHERE project = {project:String} AND time >= toDateTime({since:Date}) AND environment = 'production'
GROUP BY check_name, day
ORDER BY check_name, day
