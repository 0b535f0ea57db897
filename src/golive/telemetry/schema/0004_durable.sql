-- A part is on the disk, not only with the kernel, before its insert returns: the loader then forgets the segment, and a
-- power cut some seconds later must not take what a client was told is kept. Merges keep their sources for minutes.

ALTER TABLE logs MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE spans MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE trace_times MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE requests_by_minute MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE requests_received MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE metrics MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE errors MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE check_results MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE events MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

ALTER TABLE log_facets MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
