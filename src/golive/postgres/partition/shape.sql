-- name: table
SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
       pg_catalog.pg_get_userbyid(c.relowner) AS owner, c.reltuples::float8 AS rows,
       c.relrowsecurity AS row_security, c.relhasrules AS has_rules, c.relispartition AS is_partition,
       EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid OR i.inhrelid = c.oid) AS inherits,
       EXISTS (SELECT FROM pg_catalog.pg_publication_rel p WHERE p.prrelid = c.oid) AS published
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s;

-- name: columns
SELECT a.attname AS name, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
       a.attidentity::text AS identity, a.attgenerated::text AS generated,
       pg_catalog.pg_get_serial_sequence(%(table)s, a.attname) AS sequence
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;

-- name: constraints
SELECT k.conname AS name, k.contype::text AS kind, pg_catalog.pg_get_constraintdef(k.oid) AS definition,
       k.convalidated AS valid, k.conparentid = 0 AS own,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (num, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num
             ORDER BY u.place) AS columns
FROM pg_catalog.pg_constraint k
WHERE k.conrelid = %(oid)s AND k.contype IN ('p', 'u', 'c', 'f', 'x')
ORDER BY k.conname;

-- name: part_keys
SELECT DISTINCT
    ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u (num, place)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY u.place)
    || ARRAY(SELECT a.attname::text FROM unnest(p.partattrs::int2[]) AS num
             JOIN pg_catalog.pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = num) AS columns
FROM pg_catalog.pg_partitioned_table p
JOIN pg_catalog.pg_inherits i ON i.inhparent = p.partrelid
LEFT JOIN pg_catalog.pg_constraint k ON k.conrelid = i.inhrelid AND k.contype = 'p'
WHERE p.partrelid = %(oid)s;

-- name: inbound
SELECT k.conname AS name, k.conrelid::regclass::text AS source, k.conrelid = k.confrelid AS itself,
       n.nspname AS schema, c.relname AS table, c.relkind::text AS kind, k.convalidated AS valid,
       pg_catalog.pg_get_constraintdef(k.oid) AS definition,
       ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey)) AS columns
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE k.confrelid = %(oid)s AND k.contype = 'f' AND k.conparentid = 0;

-- name: indexes
SELECT x.relname AS name, i.indisunique AS unique, i.indisvalid AS valid,
       substr(
           pg_catalog.pg_get_indexdef(i.indexrelid),
           length(CASE WHEN i.indisunique THEN 'CREATE UNIQUE INDEX ' ELSE 'CREATE INDEX ' END
                  || quote_ident(x.relname) || ' ON ' || quote_ident(n.nspname) || '.' || quote_ident(t.relname)) + 1
       ) AS definition
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
WHERE i.indrelid = %(oid)s AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid)
ORDER BY x.relname;

-- name: index_sizes
SELECT coalesce(sum(pg_catalog.pg_relation_size(i.indexrelid)), 0)::float8 AS bytes,
       coalesce(array_agg(DISTINCT a.amname), '{}') AS methods,
       pg_catalog.pg_size_bytes(current_setting('shared_buffers'))::float8 AS cache
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_am a ON a.oid = x.relam
WHERE i.indrelid = %(oid)s AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid);

-- name: triggers
SELECT t.tgname AS name, pg_catalog.pg_get_triggerdef(t.oid) AS definition
FROM pg_catalog.pg_trigger t
WHERE t.tgrelid = %(oid)s AND NOT t.tgisinternal
ORDER BY t.tgname;

-- name: grants
SELECT CASE WHEN e.grantee = 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(e.grantee) END AS grantee,
       e.privilege_type AS privilege, e.is_grantable AS grantable, NULL::text AS column
FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) e
WHERE c.oid = %(oid)s AND e.grantee <> c.relowner
UNION ALL
SELECT CASE WHEN e.grantee = 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(e.grantee) END,
       e.privilege_type, e.is_grantable, a.attname::text
FROM pg_catalog.pg_attribute a, pg_catalog.aclexplode(a.attacl) e
WHERE a.attrelid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped;

-- name: views
SELECT DISTINCT v.relkind::text AS kind, n.nspname AS schema, v.relname AS name,
       pg_catalog.pg_get_viewdef(v.oid) AS definition, array_to_string(v.reloptions, ', ') AS options
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
JOIN pg_catalog.pg_class v ON v.oid = r.ev_class
JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace
WHERE d.refobjid = %(oid)s AND d.classid = 'pg_rewrite'::regclass AND v.oid <> %(oid)s;

-- name: partitions
SELECT c.relname AS name, n.nspname AS schema, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound
FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE i.inhparent = %(oid)s
ORDER BY c.relname;

-- name: parts
SELECT c.relname AS name, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound,
       greatest(c.reltuples, 0)::bigint AS rows, pg_catalog.pg_total_relation_size(c.oid)::bigint AS bytes
FROM pg_catalog.pg_inherits i
JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
WHERE n.nspname = %(schema)s AND p.relname = %(name)s
ORDER BY pg_catalog.pg_get_expr(c.relpartbound, c.oid);
