-- As in 0004_durable: on the disk before the insert returns.

ALTER TABLE statement_intervals MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
