/** The requests that were asked, one of them with its attempts, and what it said where that is kept. */

import { describeBodies, LEFT_OUT } from '../../archive/kept-bodies.ts'
import type { Attribution, LedgerEntry, RequestRow } from '../../ledger/entry.ts'
import { namesAsked } from '../../ledger/said-names.ts'
import { gatherPages } from '../../reports/gather-pages.ts'
import { REQUEST_STATES } from '../../reports/request-states.ts'
import { endpoint } from './endpoint.ts'
import { requestCursor } from './given-cursor.ts'
import { mapInSlices } from './in-slices.ts'
import { keysAsked } from './keys-asked.ts'
import { AdminProblem, notFound } from './problem.ts'
import {
  idSchema,
  KEY_FILTER,
  moneyFields,
  momentSchema,
  named,
  PAGE_MAX,
  pageOf,
  sayMoney,
  tableQuery,
  tableRowsMax,
  timeSchema,
  withoutAbsent,
  z,
} from './schemas.ts'

const text = z.string().nullable()
const count = z.number().nullable()

const attributionFields = {
  key_id: idSchema.nullable(),
  key_name: text,
  project_id: idSchema.nullable(),
  team_id: idSchema.nullable(),
  user_id: idSchema.nullable(),
  end_user: text,
  session_id: text,
  tags: z.array(z.string()),
}

const requestSchema = named(
  'Request',
  z.object({
    id: z.string(),
    at: timeSchema,
    ...attributionFields,
    state: z.string().meta({ description: `How it ended: ${REQUEST_STATES.join(', ')}.` }),
    dialect: z.string(),
    operation: z.string(),
    model: text,
    route: text,
    target: text,
    status: z.int(),
    code: text,
    message: text,
    stream: z.boolean(),
    attempts: z.int(),
    request_bytes: z.number(),
    response_bytes: z.number(),
    duration_ms: z.number(),
    first_token_ms: count,
    overhead_ms: count,
    input_tokens: count,
    output_tokens: count,
    ...moneyFields('cost'),
    recall: z.enum(['hit', 'semantic', 'coalesced', 'replayed']).nullable(),
    is_simulated: z.boolean(),
  }),
)

// Sound: the keys of an object that is written above.
const requestColumns = Object.keys(requestSchema.shape) as (keyof typeof requestSchema.shape)[]

const attemptSchema = named(
  'Attempt',
  z.object({
    attempt: z.int(),
    at: timeSchema,
    target: z.string(),
    provider: z.string(),
    model: z.string(),
    outcome: z.enum(['completed', 'cancelled', 'failed', 'orphaned']),
    code: text,
    upstream_status: count,
    message: text,
    duration_ms: z.number(),
    first_token_ms: count,
    input_tokens: count,
    output_tokens: count,
    cache_read_tokens: count,
    cache_write_tokens: count,
    reasoning_tokens: count,
    basis: z.enum(['reported', 'counted', 'estimated', 'none']),
    ...moneyFields('cost'),
    is_waste: z.boolean(),
    budget_ids: z.array(z.string()),
  }),
)

const bodyFields = {
  text: text.meta({ description: 'As it was, secrets replaced; null where it is left out.' }),
  bytes: z.number().meta({ description: 'Of the whole of it.' }),
  is_redacted: z.boolean(),
  is_cut: z.boolean(),
  left_out: z.enum(LEFT_OUT).nullable(),
}

const bodiesSchema = named(
  'Bodies',
  z.object({
    id: z.string(),
    dialect: z.string(),
    operation: z.string(),
    path: text,
    model: text,
    stream: z.boolean(),
    request: z.object(bodyFields),
    answer: z
      .object({ status: z.int(), content_type: z.string(), ...bodyFields })
      .nullable()
      .meta({ description: 'Null where the client was told an error: "code" of the request says which.' }),
  }),
)

const filter = z.string().min(1).max(256).optional()

export const requestEndpoints = [
  endpoint({
    route: 'GET /api/v1/requests',
    summary: 'The requests, the newest first.',
    query: z.strictObject({
      from: momentSchema.optional(),
      until: momentSchema.optional(),
      key: filter.meta({ description: KEY_FILTER }),
      project: filter,
      team: filter,
      user: filter,
      session: filter,
      end_user: filter,
      tag: filter,
      model: filter,
      route: filter,
      target: filter,
      provider: filter.meta({ description: 'Any of its attempts went there.' }),
      state: z.enum(REQUEST_STATES).optional(),
      code: filter,
      ...tableQuery,
    }),
    answer: pageOf(requestSchema),
    csv: {
      columns: requestColumns,
      cells:
        () =>
        ({ tags, ...row }) =>
          requestColumns.map((name) => (name === 'tags' ? tags.join(' ') : row[name])),
    },
    async handle({ query, rooms, sight, directory, isCsv }) {
      if (sight.onlyUser !== undefined && query.user !== undefined && query.user !== sight.onlyUser)
        return { data: [], next: null }
      const { session, ...endUserAndTag } = namesAsked({ ...query, endUser: query.end_user })
      const filters = withoutAbsent({
        fromMs: query.from,
        untilMs: query.until,
        keyId: keysAsked({ sight, directory, rooms }, query.key),
        projectId: query.project,
        teamId: query.team,
        userId: sight.onlyUser ?? query.user,
        ...endUserAndTag,
        sessionId: session,
        modelId: query.model,
        route: query.route,
        target: query.target,
        provider: query.provider,
        state: query.state,
        code: query.code,
      })
      const { rows, next } = await gatherPages({
        pageMax: PAGE_MAX,
        rowsMax: tableRowsMax(query, isCsv),
        cursor: requestCursor(query.cursor, rooms.store.kind),
        page: (page) => rooms.store.requests({ ...filters, ...page }),
      })
      // Once more, so that a store that overlooks a filter shows nobody what is another's.
      const seen = rows.filter(
        ({ attribution }) =>
          sight.attribution(attribution) &&
          (filters.userId === undefined || attribution.userId === filters.userId),
      )
      return { data: [...(await mapInSlices(seen, sayRequest))], next: next ?? null }
    },
  }),
  endpoint({
    route: 'GET /api/v1/requests/{id}',
    summary: 'One request with its attempts, in order.',
    answer: z.object({ request: requestSchema, attempts: z.array(attemptSchema) }),
    async handle({ rooms, sight, id }) {
      const found = await rooms.store.request(id)
      if (found === undefined || !sight.attribution(found.request.attribution)) throw notFound('request')
      return { request: sayRequest(found.request), attempts: found.attempts.map(sayAttempt) }
    },
  }),
  endpoint({
    route: 'GET /api/v1/requests/{id}/bodies',
    summary:
      'What one request asked and was answered, where that is kept. Who looks stands in the audit log.',
    answer: bodiesSchema,
    async handle({ rooms, caller, id }) {
      const found = await rooms.findBodies(id)
      if (found.type === 'none') throw new AdminProblem('not_found', NOT_KEPT)
      if (found.type === 'unreadable') throw new AdminProblem('not_found', UNREADABLE)
      // Nobody sees what is not written down to have been seen.
      const { clock, store } = rooms
      await store.note({ atMs: clock.wallMs(), actor: caller.actor, action: 'read-bodies', subject: id })
      return describeBodies(found.bodies)
    },
  }),
]

const NOT_KEPT =
  'Of this request no bodies are kept: neither its key nor requests.keepBodies wanted it, or their time is over.'
const UNREADABLE =
  'The bodies of this request were sealed under another master secret: name that one too, after the new one.'

function sayAttribution(attribution: Attribution) {
  return {
    key_id: attribution.keyId ?? null,
    key_name: attribution.keyName ?? null,
    project_id: attribution.projectId ?? null,
    team_id: attribution.teamId ?? null,
    user_id: attribution.userId ?? null,
    end_user: attribution.endUser ?? null,
    session_id: attribution.sessionId ?? null,
    tags: [...attribution.tags],
  }
}

function sayRequest(row: RequestRow): z.input<typeof requestSchema> {
  return {
    id: row.exchangeId,
    at: new Date(row.atMs).toISOString(),
    ...sayAttribution(row.attribution),
    state: row.state,
    dialect: row.dialect,
    operation: row.operation,
    model: row.modelId ?? null,
    route: row.route ?? null,
    target: row.target ?? null,
    status: row.status,
    code: row.code ?? null,
    message: row.message ?? null,
    stream: row.stream,
    attempts: row.attempts,
    request_bytes: row.requestBytes,
    response_bytes: row.responseBytes,
    duration_ms: row.durationMs,
    first_token_ms: row.firstTokenMs ?? null,
    overhead_ms: row.overheadMs ?? null,
    input_tokens: row.inputTokens ?? null,
    output_tokens: row.outputTokens ?? null,
    ...sayMoney('cost', row.costNanoUsd),
    recall: row.recall ?? null,
    is_simulated: row.isSimulated,
  }
}

function sayAttempt(entry: LedgerEntry): z.input<typeof attemptSchema> {
  return {
    attempt: entry.attempt,
    at: new Date(entry.atMs).toISOString(),
    target: entry.target,
    provider: entry.provider,
    model: entry.modelId,
    outcome: entry.outcome,
    code: entry.code ?? null,
    upstream_status: entry.upstreamStatus ?? null,
    message: entry.message ?? null,
    duration_ms: entry.durationMs,
    first_token_ms: entry.firstTokenMs ?? null,
    input_tokens: entry.inputTokens ?? null,
    output_tokens: entry.outputTokens ?? null,
    cache_read_tokens: entry.cacheReadTokens ?? null,
    cache_write_tokens: entry.cacheWriteTokens ?? null,
    reasoning_tokens: entry.reasoningTokens ?? null,
    basis: entry.basis,
    ...sayMoney('cost', entry.costNanoUsd),
    is_waste: entry.isWaste,
    budget_ids: entry.charges.map(({ budgetId }) => budgetId),
  }
}
