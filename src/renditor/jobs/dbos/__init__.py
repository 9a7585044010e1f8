"""The job engine on DBOS Transact: SQLite on one machine, PostgreSQL on many, one code.

A job is a DBOS workflow, a step of it a DBOS step. Added here is what DBOS leaves out: finding dead workers
(``liveness``), payloads, results and errors as plain JSON, and our rule of which errors may pass.

DBOS's owner token makes a job safe against a worker that comes back from the dead: what an execution that lost its
job still does is not recorded. The only private call of DBOS is ``_recover_pending_workflows``: its version is pinned
and the tests that kill workers check it. Nothing here talks to any network but the database.
"""

from renditor.jobs.dbos.engine import DbosEngine

__all__ = ["DbosEngine"]
