/**
 * The schema, as the steps that lead to it. A step that was released is never changed: its checksum is kept with the
 * data, and a difference is refused. Times are ms since 1970, money is nano-USD.
 */

import { createHash } from 'node:crypto'

export interface Migration {
  /** 1, 2, 3 ... */
  readonly version: number
  readonly name: string
  readonly text: string
}

const FIRST: Migration = {
  version: 1,
  name: 'keys, books, journal, cache and audit',
  text: `
CREATE TABLE holdfast.counters (
  name text PRIMARY KEY,
  value bigint NOT NULL
);
INSERT INTO holdfast.counters VALUES ('directory', 0), ('budgets', 0);

CREATE TABLE holdfast.directory (
  place bigint GENERATED ALWAYS AS IDENTITY,
  kind text NOT NULL CHECK (kind IN ('user', 'team', 'project', 'key')),
  id text COLLATE "C" NOT NULL,
  record json NOT NULL,
  PRIMARY KEY (kind, id)
);

CREATE TABLE holdfast.audit (
  sequence bigint PRIMARY KEY,
  at_ms bigint NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  hash text NOT NULL,
  line json NOT NULL
);

CREATE TABLE holdfast.budgets (
  place bigint GENERATED ALWAYS AS IDENTITY,
  id text COLLATE "C" PRIMARY KEY,
  limit_nano bigint NOT NULL CHECK (limit_nano >= 0),
  is_removed boolean NOT NULL,
  record json NOT NULL
);

CREATE TABLE holdfast.standings (
  budget_id text COLLATE "C" NOT NULL,
  period_start_ms bigint NOT NULL,
  spent bigint NOT NULL DEFAULT 0,
  leased bigint NOT NULL DEFAULT 0 CHECK (leased >= 0),
  granted bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (budget_id, period_start_ms)
) WITH (fillfactor = 70);
COMMENT ON COLUMN holdfast.standings.granted IS 'what the statement that leased last was given';

CREATE TABLE holdfast.leases (
  node_id text COLLATE "C" NOT NULL,
  budget_id text COLLATE "C" NOT NULL,
  period_start_ms bigint NOT NULL,
  nano bigint NOT NULL CHECK (nano > 0),
  PRIMARY KEY (node_id, budget_id, period_start_ms)
) WITH (fillfactor = 70);

CREATE TABLE holdfast.entries (
  exchange_id text COLLATE "C" NOT NULL,
  attempt integer NOT NULL,
  at_ms bigint NOT NULL,
  key text, project text, team text, "user" text, end_user text, session text,
  tags text[] NOT NULL,
  route text, model text NOT NULL, target text NOT NULL, provider text NOT NULL,
  cost bigint,
  is_waste boolean NOT NULL,
  basis text NOT NULL,
  input_tokens bigint,
  output_tokens bigint,
  record json NOT NULL,
  PRIMARY KEY (exchange_id, attempt)
) WITH (toast_tuple_target = 256);
ALTER TABLE holdfast.entries ALTER COLUMN record SET STORAGE EXTERNAL;
CREATE INDEX entries_at ON holdfast.entries (at_ms);
CREATE INDEX entries_session ON holdfast.entries (session, at_ms) WHERE session IS NOT NULL;
CREATE INDEX entries_end_user ON holdfast.entries (end_user, at_ms) WHERE end_user IS NOT NULL;

CREATE TABLE holdfast.sums (
  hour_ms bigint NOT NULL,
  dimensions text COLLATE "C" NOT NULL,
  key text, project text, team text, "user" text,
  tags text[] NOT NULL,
  route text, model text NOT NULL, target text NOT NULL, provider text NOT NULL,
  entries bigint NOT NULL,
  cost bigint NOT NULL,
  waste bigint NOT NULL,
  estimated bigint NOT NULL,
  unpriced bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  PRIMARY KEY (hour_ms, dimensions)
) WITH (fillfactor = 70);

CREATE TABLE holdfast.requests (
  exchange_id text COLLATE "C" PRIMARY KEY,
  at_ms bigint NOT NULL,
  key text, project text, end_user text, session text,
  tags text[] NOT NULL,
  model text, route text, target text,
  state text NOT NULL,
  code text,
  record json NOT NULL
);
CREATE INDEX requests_at ON holdfast.requests (at_ms DESC, exchange_id DESC);
CREATE INDEX requests_key ON holdfast.requests (key, at_ms DESC, exchange_id DESC) WHERE key IS NOT NULL;
CREATE INDEX requests_session ON holdfast.requests (session, at_ms DESC, exchange_id DESC) WHERE session IS NOT NULL;
CREATE INDEX requests_end_user ON holdfast.requests (end_user, at_ms DESC, exchange_id DESC) WHERE end_user IS NOT NULL;
CREATE INDEX requests_code ON holdfast.requests (code, at_ms DESC, exchange_id DESC) WHERE code IS NOT NULL;

CREATE TABLE holdfast.journal (
  id text COLLATE "C" PRIMARY KEY,
  request_hash text NOT NULL,
  exchange_id text NOT NULL,
  node_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('open', 'done')),
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL,
  answer bytea
);
CREATE INDEX journal_expires ON holdfast.journal (expires_at_ms);

CREATE TABLE holdfast.cache (
  place bigint GENERATED ALWAYS AS IDENTITY,
  id text COLLATE "C" PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL,
  partition text COLLATE "C",
  vector real[],
  signs varbit,
  answer bytea NOT NULL
);
CREATE INDEX cache_expires ON holdfast.cache (expires_at_ms);
CREATE INDEX cache_tenant ON holdfast.cache (tenant);
CREATE INDEX cache_partition ON holdfast.cache (partition, created_at_ms DESC) WHERE vector IS NOT NULL;

CREATE FUNCTION holdfast.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'holdfast.% is append-only: no line of it is changed or removed', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON holdfast.entries
  FOR EACH STATEMENT EXECUTE FUNCTION holdfast.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON holdfast.requests
  FOR EACH STATEMENT EXECUTE FUNCTION holdfast.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON holdfast.audit
  FOR EACH STATEMENT EXECUTE FUNCTION holdfast.refuse_change();
`,
}

const MASTER_SECRET: Migration = {
  version: 2,
  name: 'mark of the master secret',
  text: `
CREATE TABLE holdfast.secret_mark (
  place integer PRIMARY KEY CHECK (place = 1),
  mark text NOT NULL
);
COMMENT ON TABLE holdfast.secret_mark IS 'by what the master secret in use is known again: one row, or none';
`,
}

/** What lives for seconds: no history of it is kept. */
const LIMIT_SHARES: Migration = {
  version: 3,
  name: 'shares of limits',
  text: `
CREATE TABLE holdfast.limit_nodes (
  node_id text COLLATE "C" PRIMARY KEY,
  until_ms double precision NOT NULL
);
CREATE TABLE holdfast.limit_shares (
  party text COLLATE "C" PRIMARY KEY,
  at_ms double precision NOT NULL,
  shares json NOT NULL
) WITH (fillfactor = 50);
`,
}

const BODIES: Migration = {
  version: 4,
  name: 'bodies',
  text: `
CREATE TABLE holdfast.bodies (
  exchange_id text COLLATE "C" PRIMARY KEY,
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL,
  bytes bigint NOT NULL,
  sealed bytea NOT NULL
);
ALTER TABLE holdfast.bodies ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX bodies_age ON holdfast.bodies (created_at_ms, exchange_id) INCLUDE (bytes);
CREATE INDEX bodies_expires ON holdfast.bodies (expires_at_ms);
`,
}

/**
 * Reports read thousands of entries at a time, in columns, and days. What was posted before stays what it is: its sums
 * become days here, it gets into blocks afterwards, and `has_columns` tells it from what was posted since. That column
 * costs nothing to add: PostgreSQL keeps one value for all the rows there are.
 */
const COLUMNS: Migration = {
  version: 5,
  name: 'entries in columns',
  text: `
CREATE TABLE holdfast.origins (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  key text, project text, team text, "user" text, route text,
  model text NOT NULL, target text NOT NULL, provider text NOT NULL
);
COMMENT ON TABLE holdfast.origins IS 'what many entries have in common, each once';

CREATE TABLE holdfast.posted (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  entries integer NOT NULL,
  first_ms bigint NOT NULL,
  last_ms bigint NOT NULL,
  numbers bytea NOT NULL,
  origins text NOT NULL,
  end_users text NOT NULL,
  sessions text NOT NULL,
  tag_sets text NOT NULL
);
COMMENT ON TABLE holdfast.posted IS 'the entries of a posting in columns, until they are in a block';
ALTER TABLE holdfast.posted ALTER COLUMN numbers SET STORAGE EXTERNAL;

CREATE TABLE holdfast.blocks (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  entries integer NOT NULL,
  first_ms bigint NOT NULL,
  last_ms bigint NOT NULL,
  numbers bytea NOT NULL,
  end_users text NOT NULL,
  sessions text NOT NULL,
  tag_sets text NOT NULL
);
COMMENT ON TABLE holdfast.blocks IS 'entries by the thousand: one column after another, and lists of the words in them';
ALTER TABLE holdfast.blocks
  ALTER COLUMN numbers SET STORAGE EXTERNAL, ALTER COLUMN end_users SET STORAGE EXTERNAL,
  ALTER COLUMN sessions SET STORAGE EXTERNAL, ALTER COLUMN tag_sets SET STORAGE EXTERNAL;

CREATE TABLE holdfast.days (
  day integer NOT NULL,
  origin integer NOT NULL,
  tags_hash bytea NOT NULL,
  tags text[] NOT NULL,
  entries bigint NOT NULL,
  cost bigint NOT NULL,
  waste bigint NOT NULL,
  estimated bigint NOT NULL,
  unpriced bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  PRIMARY KEY (day, origin, tags_hash)
) WITH (fillfactor = 70);
COMMENT ON TABLE holdfast.days IS 'sums of all that is not in posted; days since 1970';

INSERT INTO holdfast.origins (key, project, team, "user", route, model, target, provider)
SELECT DISTINCT key, project, team, "user", route, model, target, provider FROM holdfast.sums;
INSERT INTO holdfast.days
SELECT day, origin.id, substring(sha256(convert_to(tags::text, 'UTF8')) FOR 16), tags,
  entries, cost, waste, estimated, unpriced, input_tokens, output_tokens
FROM (
  SELECT hour_ms / 86400000 AS day, ARRAY[key, project, team, "user", route, model, target, provider] AS words, tags,
    sum(entries) AS entries, sum(cost) AS cost, sum(waste) AS waste, sum(estimated) AS estimated,
    sum(unpriced) AS unpriced, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens
  FROM holdfast.sums GROUP BY 1, 2, 3
) AS summed
JOIN holdfast.origins AS origin
  ON ARRAY[key, project, team, "user", route, model, target, provider] = summed.words;
-- A gateway of an older version that still posts is refused, and keeps what it has in its log.
DROP TABLE holdfast.sums;

ALTER TABLE holdfast.entries ADD COLUMN has_columns boolean NOT NULL DEFAULT false;
ALTER TABLE holdfast.entries ALTER COLUMN has_columns SET DEFAULT true;
CREATE TABLE holdfast.backlog (
  place integer PRIMARY KEY CHECK (place = 1),
  exchange_id text COLLATE "C" NOT NULL,
  attempt integer NOT NULL,
  is_done boolean NOT NULL
);
COMMENT ON TABLE holdfast.backlog IS 'entries without columns after this one are in no block yet';
INSERT INTO holdfast.backlog SELECT 1, '', 0, NOT EXISTS (SELECT FROM holdfast.entries);
`,
}

/** In order. */
export const MIGRATIONS: readonly Migration[] = [FIRST, MASTER_SECRET, LIMIT_SHARES, BODIES, COLUMNS]

export function checksumOf({ name, text }: Migration): string {
  return createHash('sha256').update(`${name}\n${text}`).digest('hex')
}
