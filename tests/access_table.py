"""Who gets which answer, for every operation: said here once, by hand, and read by the tests."""

from typing import NamedTuple

CALLERS = ("nobody", "owner", "reader", "writer", "admin", "stranger")
WITH_KEYS = (*CALLERS, "operator")  # whose key administers
TABLE = """
operation                     object  | nob own rea wri adm str | nob own rea wri adm str operator
submit_job                    new     | 201 201 201 201 201 201 | 401 201 201 201 201 201 201
submit_job                    private | 403 201 403 201 201 403 | 401 201 403 201 201 403 201
submit_job                    public  | 403 201 403 201 201 403 | 401 201 403 201 201 403 201
submit_job                    missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
list_jobs                     any     | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
get_job                       private | 403 200 200 200 200 403 | 401 200 200 200 200 403 200
get_job                       public  | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
get_job                       missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
get_job?as_of=999999          private | 403 200 200 200 200 403 | 401 200 200 200 200 403 200
get_job?as_of=999999          public  | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
get_job?as_of=999999          missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
delete_job                    private | 403 200 403 200 200 403 | 401 200 403 200 200 403 200
delete_job                    public  | 403 200 403 200 200 403 | 401 200 403 200 200 403 200
delete_job                    missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
download_archive              private | 403 200 200 200 200 403 | 401 200 200 200 200 403 200
download_archive              public  | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
download_archive              missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
get_job_history               private | 403 200 200 200 200 403 | 401 200 200 200 200 403 200
get_job_history               public  | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
get_job_history               missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
restart_job                   private | 403 200 403 200 200 403 | 401 200 403 200 200 403 200
restart_job                   public  | 403 200 403 200 200 403 | 401 200 403 200 200 403 200
restart_job                   missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
restart_job_alias             private | 403 200 403 200 200 403 | 401 200 403 200 200 403 200
restart_job_alias             public  | 403 200 403 200 200 403 | 401 200 403 200 200 403 200
restart_job_alias             missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
submit_batch                  new     | 201 201 201 201 201 201 | 401 201 201 201 201 201 201
list_batches                  any     | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
fail_all?dry_run=true         any     | 200 200 200 200 200 200 | 401 200 200 200 200 200 200
get_batch                     private | 403 200 200 200 200 403 | 401 200 200 200 200 403 200
get_batch                     public  | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
get_batch                     missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
get_batch?as_of=999999        private | 403 200 200 200 200 403 | 401 200 200 200 200 403 200
get_batch?as_of=999999        public  | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
get_batch?as_of=999999        missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
delete_batch                  private | 403 200 403 200 200 403 | 401 200 403 200 200 403 200
delete_batch                  public  | 403 200 403 200 200 403 | 401 200 403 200 200 403 200
delete_batch                  missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
archive_batch                 private | 403 200 403 200 200 403 | 401 200 403 200 200 403 200
archive_batch                 public  | 403 200 403 200 200 403 | 401 200 403 200 200 403 200
archive_batch                 missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
toggle_active                 private | 403 200 403 200 200 403 | 401 200 403 200 200 403 200
toggle_active                 public  | 403 200 403 200 200 403 | 401 200 403 200 200 403 200
toggle_active                 missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
download_batch_archive        private | 403 200 200 200 200 403 | 401 200 200 200 200 403 200
download_batch_archive        public  | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
download_batch_archive        missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
get_batch_history             private | 403 200 200 200 200 403 | 401 200 200 200 200 403 200
get_batch_history             public  | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
get_batch_history             missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
get_file                      private | 403 200 200 200 200 403 | 401 200 200 200 200 403 200
get_file                      public  | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
get_file                      missing | 404 404 404 404 404 404 | 401 404 404 404 404 404 404
get_health                    any     | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
get_readiness                 any     | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
get_metrics                   any     | 200 200 200 200 200 200 | 401 403 403 403 403 403 200
get_openapi                   any     | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
get_docs                      any     | 200 200 200 200 200 200 | 200 200 200 200 200 200 200
"""


class Row(NamedTuple):
    """A line of the table: what is asked, of what, and each caller's status."""

    operation: str
    query: str
    of: str
    without_keys: dict[str, int]
    with_keys: dict[str, int]

    def __str__(self) -> str:
        return f"{self.operation}{self.query} {self.of}"


def _row(line: str) -> Row:
    what, without, with_ = line.split("|")
    asked, of = what.split()
    operation, mark, query = asked.partition("?")
    return Row(
        operation,
        mark + query,
        of,
        dict(zip(CALLERS, map(int, without.split()), strict=True)),
        dict(zip(WITH_KEYS, map(int, with_.split()), strict=True)),
    )


ROWS = [_row(line) for line in TABLE.strip().splitlines()[1:]]
