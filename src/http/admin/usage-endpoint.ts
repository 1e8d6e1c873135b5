/** What was spent, by anything that tells spending apart. */

import type { Directory } from '../../keys/records.ts'
import { periodStart } from '../../ledger/period.ts'
import { namesAsked } from '../../ledger/said-names.ts'
import type { SpendDimension, SpendQuery, SpendRow } from '../../reports/report-store.ts'
import { endpoint } from './endpoint.ts'
import { mapInSlices } from './in-slices.ts'
import { keysAsked } from './keys-asked.ts'
import { invalid } from './problem.ts'
import {
  formatQuery,
  KEY_FILTER,
  moneyFields,
  momentSchema,
  named,
  pageOf,
  pageQuery,
  sayMoney,
  TABLE_ROWS_MAX,
  withoutAbsent,
  z,
} from './schemas.ts'
import type { Sight } from './sight.ts'
import { readUsageCursor, USAGE_OFFSET_MAX, type UsagePlace, writeUsageCursor } from './usage-cursor.ts'

/** As the query spells them. */
const DIMENSIONS = {
  key: 'key',
  project: 'project',
  team: 'team',
  user: 'user',
  end_user: 'end-user',
  tag: 'tag',
  session: 'session',
  route: 'route',
  model: 'model',
  target: 'target',
  provider: 'provider',
  hour: 'hour',
  day: 'day',
  month: 'month',
} as const satisfies Record<string, SpendDimension>
type DimensionName = keyof typeof DIMENSIONS
const dimensionNames = Object.keys(DIMENSIONS).filter(isDimension)
const DIMENSIONS_MAX = 3
/** Rows of one page as CSV, and as JSON. */
const ROWS_MAX_JSON = 1_000

const filter = z.string().min(1).max(256).optional()

const filters = z.strictObject({
  key: filter.meta({ description: KEY_FILTER }),
  project: filter,
  team: filter,
  user: filter,
  end_user: filter,
  tag: filter,
  session: filter,
  route: filter,
  model: filter,
  target: filter,
  provider: filter,
})

const rowSchema = z.object({
  group: z.record(z.string(), z.string().nullable()).meta({
    description: 'For each dimension of "by" its value: ids for key, project, team and user; null for none.',
  }),
  names: z.record(z.string(), z.string()).meta({ description: 'What ids of the group are called.' }),
  attempts: z.int(),
  ...moneyFields('cost'),
  ...moneyFields('waste'),
  ...moneyFields('estimated'),
  unpriced_attempts: z.int().meta({ description: 'Their price is not known; they are in no sum.' }),
  input_tokens: z.int(),
  output_tokens: z.int(),
})

const usageSchema = named(
  'Usage',
  pageOf(rowSchema).extend({
    from: z.string(),
    until: z.string(),
    by: z.array(z.string()),
    is_cut: z.boolean().meta({ description: 'There are more rows than this page shows.' }),
  }),
)

export const usageEndpoint = endpoint({
  route: 'GET /api/v1/usage',
  summary: 'What was spent, by up to three dimensions; the costliest first, by time the earliest.',
  query: z.strictObject({
    from: momentSchema.optional(),
    until: momentSchema.optional(),
    by: z
      .string()
      .max(128)
      .default('')
      .meta({ description: `Up to ${DIMENSIONS_MAX} of ${dimensionNames.join(', ')}, with commas.` }),
    ...filters.shape,
    limit: z.coerce
      .number()
      .int()
      .min(1)
      .max(TABLE_ROWS_MAX)
      .optional()
      .meta({
        description: `Rows of a page. As JSON ${ROWS_MAX_JSON} unless said, and at most; as CSV ${TABLE_ROWS_MAX}.`,
      }),
    cursor: pageQuery.cursor.meta({
      description: `The "next" of the page before, of the same time. Pages begin at most ${USAGE_OFFSET_MAX} rows in.`,
    }),
    ...formatQuery,
  }),
  answer: usageSchema,
  csv: {
    columns: [
      'dimension_1',
      'value_1',
      'name_1',
      'dimension_2',
      'value_2',
      'name_2',
      'dimension_3',
      'value_3',
      'name_3',
      'attempts',
      'cost_usd',
      'cost_nano_usd',
      'waste_nano_usd',
      'estimated_nano_usd',
      'unpriced_attempts',
      'input_tokens',
      'output_tokens',
    ],
    cells:
      ({ answer: { by } }) =>
      (row) => [
        ...[0, 1, 2].flatMap((place) => {
          const name = by[place]
          return name === undefined ? [null, null, null] : [name, row.group[name], row.names[name]]
        }),
        row.attempts,
        row.cost_usd,
        row.cost_nano_usd,
        row.waste_nano_usd,
        row.estimated_nano_usd,
        row.unpriced_attempts,
        row.input_tokens,
        row.output_tokens,
      ],
  },
  async handle({ query, rooms, sight, directory, isCsv }) {
    const { fromMs, untilMs, offset } = spanOf(query, rooms.clock.wallMs())
    const by = readDimensions(query.by)
    const rowsMax = isCsv ? TABLE_ROWS_MAX : ROWS_MAX_JSON
    const end = offset + Math.min(query.limit ?? rowsMax, rowsMax)
    const key = keysAsked({ sight, directory, rooms }, query.key)
    const where = whereOf({ ...query, key }, sight)
    const found =
      where === undefined
        ? []
        : await rooms.store.spend({
            fromMs,
            untilMs,
            by: by.map((name) => DIMENSIONS[name]),
            where,
            rowsMax: end + 1,
          })
    const rows = found.slice(offset, end)
    const names = readNames(by, rows, directory)
    const isCut = found.length > end
    return {
      from: new Date(fromMs).toISOString(),
      until: new Date(untilMs).toISOString(),
      by: [...by],
      data: [...(await mapInSlices(rows, (row) => sayRow(row, by, names)))],
      next: isCut ? writeUsageCursor({ fromMs, untilMs, offset: end }) : null,
      is_cut: isCut,
    }
  },
})

interface AskedSpan {
  readonly from?: number | undefined
  readonly until?: number | undefined
  readonly cursor?: string | undefined
}

/** What a page looks at: a later one at the time that the first one looked at, however much later it is asked for. */
function spanOf({ from, until, cursor }: AskedSpan, nowMs: number): UsagePlace {
  if (cursor !== undefined) {
    const place = readUsageCursor(cursor)
    if ((from ?? place.fromMs) !== place.fromMs || (until ?? place.untilMs) !== place.untilMs)
      throw invalid('cursor', 'This is of another time: ask with the "from" and "until" of its page.')
    return place
  }
  const fromMs = from ?? periodStart('month', nowMs)
  const untilMs = until ?? nowMs + 1
  if (fromMs >= untilMs) throw invalid('from', 'This is not before "until".')
  return { fromMs, untilMs, offset: 0 }
}

type Asked = Omit<z.output<typeof filters>, 'key'> & { readonly key: readonly string[] | undefined }

/** `undefined` where the caller asks for what another spent. */
function whereOf(query: Asked, { onlyUser }: Sight): SpendQuery['where'] | undefined {
  if (onlyUser !== undefined && query.user !== undefined && query.user !== onlyUser) return undefined
  const { key, project, team, route, model, target, provider } = query
  const { endUser, tag, session } = namesAsked({ ...query, endUser: query.end_user })
  const user = onlyUser ?? query.user
  return withoutAbsent({
    key,
    project,
    team,
    user,
    'end-user': endUser,
    tag,
    session,
    route,
    model,
    target,
    provider,
  })
}

type Names = ReadonlyMap<DimensionName, ReadonlyMap<string, string>>

function sayRow(row: SpendRow, by: readonly DimensionName[], names: Names): z.input<typeof rowSchema> {
  return {
    group: Object.fromEntries(by.map((name, place) => [name, row.group[place] ?? null])),
    names: Object.fromEntries(
      by.flatMap((name, place) => {
        const called = names.get(name)?.get(row.group[place] ?? '')
        return called === undefined ? [] : [[name, called]]
      }),
    ),
    attempts: row.entries,
    ...sayMoney('cost', row.costNanoUsd),
    ...sayMoney('waste', row.wasteNanoUsd),
    ...sayMoney('estimated', row.estimatedNanoUsd),
    unpriced_attempts: row.unpriced,
    input_tokens: row.inputTokens,
    output_tokens: row.outputTokens,
  }
}

function isDimension(name: string): name is DimensionName {
  return Object.hasOwn(DIMENSIONS, name)
}

function readDimensions(by: string): readonly DimensionName[] {
  const names = by.split(',').filter((name) => name !== '')
  const known = names.filter(isDimension)
  if (known.length < names.length || new Set(names).size < names.length || names.length > DIMENSIONS_MAX)
    throw invalid('by', `Name up to ${DIMENSIONS_MAX} of ${dimensionNames.join(', ')}, each once.`)
  return known
}

/** Of the ids that are in the rows, by dimension: one look through each list, however many rows there are. */
function readNames(by: readonly DimensionName[], rows: readonly SpendRow[], directory: Directory): Names {
  const lists = new Map<DimensionName, readonly { readonly id: string; readonly name: string }[]>([
    ['key', directory.keys],
    ['project', directory.projects],
    ['team', directory.teams],
    ['user', directory.users],
  ])
  return new Map(
    by.map((name, place) => {
      const wanted = new Set(rows.map(({ group }) => group[place]))
      const found = (lists.get(name) ?? []).filter(({ id }) => wanted.has(id))
      return [name, new Map(found.map((record) => [record.id, record.name]))]
    }),
  )
}
