-- name: tables
SELECT DISTINCT c.table AS table
FROM system.columns AS c
INNER JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
WHERE c.database = currentDatabase() AND c.name = 'project' AND endsWith(t.engine, 'MergeTree')
ORDER BY table;

-- name: forget
DELETE FROM {table:Identifier} WHERE project = {project:String};
