-- Lock: blocks writes to job_queue while it is built; the table holds only what waits or runs.
-- What waits under a concurrency key, in the order in which it is let go.

create index job_queue_key on job_queue (concurrency_key, priority desc, id)
  where concurrency_key is not null and not running;
