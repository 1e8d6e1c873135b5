/**
 * The tables of a SQLite store, as numbered steps from nothing to now. A step is never changed once it is released: its
 * checksum is kept in every file it made. Money is in whole nano-dollars, times in ms since 1970.
 */

export interface Migration {
  /** 1 for the first; each is one more than the one before. */
  readonly version: number
  readonly name: string
  readonly sql: string
}

const DIRECTORY_AND_BOOKS = `
CREATE TABLE revisions (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
-- summed: the last entry that stands in the sums of hours. days: the first day that is not summed up yet.
INSERT INTO revisions VALUES ('directory', 0), ('budgets', 0), ('summed', 0), ('days', 0);

CREATE TABLE directory (
  kind TEXT NOT NULL CHECK (kind IN ('user', 'team', 'project', 'key')),
  id TEXT NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY,
  hash TEXT NOT NULL,
  line TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TABLE budgets (
  id TEXT PRIMARY KEY,
  limit_nano INTEGER NOT NULL CHECK (limit_nano BETWEEN 0 AND 9007199254740991),
  is_removed INTEGER NOT NULL,
  record TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE periods (
  budget_id TEXT NOT NULL,
  start_ms INTEGER NOT NULL,
  spent_nano INTEGER NOT NULL CHECK (spent_nano BETWEEN 0 AND 9007199254740991),
  PRIMARY KEY (budget_id, start_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
  budget_id TEXT NOT NULL,
  start_ms INTEGER NOT NULL,
  node_id TEXT NOT NULL,
  nano INTEGER NOT NULL CHECK (nano BETWEEN 1 AND 9007199254740991),
  PRIMARY KEY (budget_id, start_ms, node_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX leases_of_node ON leases (node_id);

-- What many lines have in common, written once. Each column is '' where there is none, or '=' and the value.
CREATE TABLE origins (
  id INTEGER PRIMARY KEY,
  key_id TEXT NOT NULL,
  key_name TEXT NOT NULL,
  project TEXT NOT NULL,
  team TEXT NOT NULL,
  user TEXT NOT NULL,
  route TEXT NOT NULL,
  model TEXT NOT NULL,
  target TEXT NOT NULL,
  provider TEXT NOT NULL,
  key TEXT NOT NULL AS (iif(key_id = '', key_name, key_id)) STORED,
  UNIQUE (key_id, key_name, project, team, user, route, model, target, provider)
) STRICT;

-- The ids of exchanges are random, and an index of them as they are costs more than all the rest of a posting: so each
-- has a number in the order of arrival, and is found by a short hash, of which several may be alike.
CREATE TABLE exchanges (
  id INTEGER PRIMARY KEY,
  hash INTEGER NOT NULL,
  exchange_id TEXT NOT NULL
) STRICT;
CREATE INDEX exchanges_by_hash ON exchanges (hash);

CREATE TABLE entries (
  id INTEGER PRIMARY KEY,
  exchange INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  cost_nano INTEGER CHECK (cost_nano BETWEEN 0 AND 9007199254740991),
  is_waste INTEGER NOT NULL,
  basis TEXT NOT NULL,
  input_tokens INTEGER,
  output_tokens INTEGER,
  end_user TEXT,
  session TEXT,
  tags TEXT,
  outcome TEXT NOT NULL,
  code TEXT,
  upstream_status INTEGER,
  message TEXT,
  duration_ms REAL NOT NULL,
  first_token_ms REAL,
  cache_read_tokens INTEGER,
  cache_write_tokens INTEGER,
  reasoning_tokens INTEGER,
  charges TEXT,
  UNIQUE (exchange, attempt)
) STRICT;
CREATE INDEX entries_by_time ON entries (at_ms);
CREATE TRIGGER entries_keep BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'the books are append-only'); END;
CREATE TRIGGER entries_stay BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'the books are append-only'); END;

CREATE TABLE requests (
  exchange INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  state TEXT NOT NULL,
  code TEXT,
  end_user TEXT,
  session TEXT,
  tags TEXT,
  dialect TEXT NOT NULL,
  operation TEXT NOT NULL,
  status INTEGER NOT NULL,
  message TEXT,
  stream INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  request_bytes INTEGER NOT NULL,
  response_bytes INTEGER NOT NULL,
  duration_ms REAL NOT NULL,
  first_token_ms REAL,
  overhead_ms REAL,
  input_tokens INTEGER,
  output_tokens INTEGER,
  cost_nano INTEGER CHECK (cost_nano BETWEEN 0 AND 9007199254740991),
  recall TEXT,
  is_simulated INTEGER NOT NULL
) STRICT;
CREATE INDEX requests_by_time ON requests (at_ms);
CREATE TRIGGER requests_keep BEFORE UPDATE ON requests
BEGIN SELECT RAISE(ABORT, 'the books are append-only'); END;
CREATE TRIGGER requests_stay BEFORE DELETE ON requests
BEGIN SELECT RAISE(ABORT, 'the books are append-only'); END;

-- Sums of whole hours, made of thousands of entries at a time. hour: hours since 1970.
CREATE TABLE hours (
  hour INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  cost_nano INTEGER NOT NULL,
  waste_nano INTEGER NOT NULL,
  estimated_nano INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  PRIMARY KEY (hour, origin)
) STRICT, WITHOUT ROWID;

-- The same, by what a request says of itself. kind: 1 tag, 2 end user, 3 session; value as in origins.
CREATE TABLE value_hours (
  kind INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  value TEXT NOT NULL,
  origin INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  cost_nano INTEGER NOT NULL,
  waste_nano INTEGER NOT NULL,
  estimated_nano INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  PRIMARY KEY (kind, hour, value, origin)
) STRICT, WITHOUT ROWID;

-- The same of days that are over. day: days since 1970.
CREATE TABLE days (
  day INTEGER NOT NULL,
  origin INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  cost_nano INTEGER NOT NULL,
  waste_nano INTEGER NOT NULL,
  estimated_nano INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  PRIMARY KEY (day, origin)
) STRICT, WITHOUT ROWID;
CREATE TABLE value_days (
  kind INTEGER NOT NULL,
  day INTEGER NOT NULL,
  value TEXT NOT NULL,
  origin INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  cost_nano INTEGER NOT NULL,
  waste_nano INTEGER NOT NULL,
  estimated_nano INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  PRIMARY KEY (kind, day, value, origin)
) STRICT, WITHOUT ROWID;
`

const KEPT_ANSWERS = `
CREATE TABLE journal (
  id TEXT PRIMARY KEY,
  exchange_id TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  is_done INTEGER NOT NULL,
  record TEXT NOT NULL,
  answer BLOB
) STRICT;
CREATE INDEX journal_by_age ON journal (created_at_ms);
CREATE INDEX journal_by_expiry ON journal (expires_at_ms);

CREATE TABLE cache (
  id TEXT PRIMARY KEY,
  tenant TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  similar_in TEXT,
  vector BLOB,
  answer BLOB NOT NULL
) STRICT;
CREATE INDEX cache_by_tenant ON cache (tenant);
CREATE INDEX cache_by_age ON cache (created_at_ms);
CREATE INDEX cache_by_expiry ON cache (expires_at_ms);
CREATE INDEX cache_by_partition ON cache (similar_in) WHERE vector IS NOT NULL;
`

const MASTER_SECRET = `
-- By what the master secret is known again that the file is used with: one row, or none.
CREATE TABLE secret_mark (place INTEGER PRIMARY KEY CHECK (place = 1), mark TEXT NOT NULL) STRICT;
`

// Ids are random, and so is their place in an index: a short beginning of each is all that is kept of them there. Answers
// have a table of their own, to which they are only added, so that looking for a key or for the oldest passes over none.
const JOURNAL_IN_ORDER = `
ALTER TABLE journal RENAME TO journal_before;
CREATE TABLE journal (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  exchange_id TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  node_id TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE journal_answers (
  number INTEGER PRIMARY KEY,
  answer BLOB NOT NULL
) STRICT;
INSERT INTO journal (number, id, exchange_id, request_hash, node_id, created_at_ms, expires_at_ms)
  SELECT row_number() OVER (ORDER BY created_at_ms, id), id, exchange_id, json_extract(record, '$.requestHash'),
    json_extract(record, '$.nodeId'), created_at_ms, expires_at_ms
  FROM journal_before;
INSERT INTO journal_answers (number, answer)
  SELECT number, answer FROM journal JOIN journal_before USING (id) WHERE answer IS NOT NULL ORDER BY number;
DROP TABLE journal_before;
CREATE INDEX journal_by_id ON journal (substr(id, 1, 12));
CREATE INDEX journal_by_expiry ON journal (expires_at_ms);
INSERT INTO revisions SELECT 'journal-bytes', coalesce(sum(length(answer)), 0) FROM journal_answers;
`

const BODIES = `
CREATE TABLE bodies (
  exchange_id TEXT PRIMARY KEY,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sealed BLOB NOT NULL
) STRICT;
CREATE INDEX bodies_by_age ON bodies (created_at_ms, exchange_id, bytes);
CREATE INDEX bodies_by_expiry ON bodies (expires_at_ms);
`

/** Sums by session and by end user were nearly as many as the entries: in columns these are added up sooner. */
const BLOCKS = `
-- Entries by the thousand, those after from_id up to until_id. numbers: one column after another; the rest: JSON lists.
CREATE TABLE blocks (
  until_id INTEGER PRIMARY KEY,
  from_id INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  first_ms INTEGER NOT NULL,
  last_ms INTEGER NOT NULL,
  tag_sets TEXT NOT NULL,
  end_users TEXT NOT NULL,
  sessions TEXT NOT NULL,
  numbers BLOB NOT NULL
) STRICT;
CREATE INDEX blocks_by_time ON blocks (last_ms, first_ms, entries);
-- Of tags alone they are still kept.
DELETE FROM value_hours WHERE kind <> 1;
DELETE FROM value_days WHERE kind <> 1;
`

export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: 'directory and books', sql: DIRECTORY_AND_BOOKS },
  { version: 2, name: 'kept answers', sql: KEPT_ANSWERS },
  { version: 3, name: 'mark of the master secret', sql: MASTER_SECRET },
  { version: 4, name: 'the journal in its order', sql: JOURNAL_IN_ORDER },
  { version: 5, name: 'bodies', sql: BODIES },
  { version: 6, name: 'blocks of entries', sql: BLOCKS },
]
