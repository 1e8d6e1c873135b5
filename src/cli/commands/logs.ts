/** `holdfast logs`: the requests that were served, as they end or one by one with all attempts. */

import { namesOfFile } from '../../app/config/config.ts'
import { describeBodies, type KeptBodies, type KeptBody } from '../../archive/kept-bodies.ts'
import { findProject, findTeam, findUser } from '../../keys/directory-edit.ts'
import type { LedgerEntry, RequestRow } from '../../ledger/entry.ts'
import { formatUsd } from '../../ledger/usd.ts'
import type { NanoUsd } from '../../ledger/prices.ts'
import { namesAsked } from '../../ledger/said-names.ts'
import type { RequestQuery } from '../../reports/report-store.ts'
import { sleep, systemClock } from '../../std/clock.ts'
import { StoreUnavailable } from '../../std/store-error.ts'
import type { BookStore, OpenedBooks } from '../books.ts'
import { wallMs } from '../change-books.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { EndedRequests } from '../follow-requests.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { withBooks } from '../open-books.ts'
import { readBodies, textOf, whatIsAmiss } from '../read-bodies.ts'
import { keyIdsOf, noteNamesakes } from '../read-filters.ts'
import { readCount, readMoment, shown } from '../read-values.ts'
import { CommandRefusal } from '../refusal.ts'
import { printable, sayMoment } from '../table.ts'

export interface LogsOptions extends CommonOptions {
  readonly follow?: boolean
  readonly limit?: string
  readonly from?: string
  readonly until?: string
  readonly key?: string
  readonly project?: string
  readonly team?: string
  readonly user?: string
  readonly session?: string
  readonly endUser?: string
  readonly tag?: string
  readonly model?: string
  readonly route?: string
  readonly target?: string
  readonly provider?: string
  readonly state?: string
  readonly code?: string
}

/** How often a follower looks, ms. */
const FOLLOW_MS = 1_000

/** The newest last, as a terminal shows them. */
export function logs(options: LogsOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const { store } = books
    if (options.follow === true && options.until !== undefined)
      throw new CommandRefusal('--follow shows what is still to come, and has no end: leave out --until')
    const query = await readQuery(options, books, io)
    const { rows } = await store.requests(query)
    const print = (row: RequestRow) => io.out(options.json ? JSON.stringify(row) : lineOf(row, io))
    for (const row of rows.toReversed()) print(row)
    if (options.follow === true) await follow({ store, query, shown: rows, print, io })
    else if (rows.length === 0 && !options.json && options.quiet !== true)
      io.err('no requests; send one, and it is here when it has ended')
    return exitCodes.ok
  })
}

async function readQuery(
  options: LogsOptions,
  { store, config }: OpenedBooks,
  io: CliIo,
): Promise<RequestQuery> {
  const nowMs = wallMs(io)
  const directory = await store.loadDirectory()
  const known = { directory, namesOfFile: namesOfFile(config) }
  if (options.quiet !== true) noteNamesakes(known, options.key, io)
  const limit = readCount(options.limit)
  const { model, route, target, provider, state, code } = options
  const { session, ...endUserAndTag } = namesAsked(options)
  return {
    limit,
    ...(options.from !== undefined && { fromMs: readMoment(options.from, nowMs) }),
    ...(options.until !== undefined && { untilMs: readMoment(options.until, nowMs) }),
    ...(options.key !== undefined && { keyId: keyIdsOf(known, options.key) }),
    ...(options.project !== undefined && { projectId: findProject(directory, options.project).id }),
    ...(options.team !== undefined && { teamId: findTeam(directory, options.team).id }),
    ...(options.user !== undefined && { userId: findUser(directory, options.user).id }),
    ...(session !== undefined && { sessionId: session }),
    ...endUserAndTag,
    ...(model !== undefined && { modelId: model }),
    ...(route !== undefined && { route }),
    ...(target !== undefined && { target }),
    ...(provider !== undefined && { provider }),
    ...(state !== undefined && { state }),
    ...(code !== undefined && { code }),
  }
}

interface Following {
  readonly store: BookStore
  readonly query: RequestQuery
  /** What has been printed. */
  readonly shown: readonly RequestRow[]
  readonly print: (row: RequestRow) => void
  readonly io: CliIo
}

/** Until it is interrupted; a store that is away for a while is waited for. */
async function follow({ store, query, shown: printed, print, io }: Following): Promise<void> {
  const clock = io.clock ?? systemClock
  const ended = new EndedRequests(store, query, { nowMs: clock.wallMs(), shown: printed })
  // What was there before and not asked for is not news.
  await ended.look(clock.wallMs())
  const stop = new AbortController()
  const end = () => stop.abort()
  io.signals.on('SIGINT', end)
  io.signals.on('SIGTERM', end)
  // A command that only waits would end by itself: the clock's timers keep no process alive.
  const alive = io.keepAlive?.()
  try {
    while (!stop.signal.aborted) {
      await sleep(clock, FOLLOW_MS, stop.signal).catch(() => undefined)
      if (stop.signal.aborted) return
      try {
        const { rows, isCut } = await ended.look(clock.wallMs())
        for (const row of rows) print(row)
        if (isCut)
          io.err('more requests end than can be told: narrow them with --key, --model, --state and the like')
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error
      }
    }
  } finally {
    alive?.()
    io.signals.off('SIGINT', end)
    io.signals.off('SIGTERM', end)
  }
}

function lineOf(row: RequestRow, io: CliIo): string {
  const { modelId = '-', target, status, state, durationMs, inputTokens, outputTokens, attempts } = row
  const isWell = status < 400 && state === 'completed'
  const mark = io.style(isWell ? 'green' : 'red', String(status))
  const went = target === undefined || target === modelId ? modelId : `${modelId} -> ${target}`
  const facts = [
    row.attribution.keyName ?? row.attribution.keyId,
    `${inputTokens ?? '?'}+${outputTokens ?? '?'} tokens`,
    attempts > 1 ? `${attempts} attempts` : undefined,
    row.recall,
    `${Math.round(durationMs)} ms`,
    `${formatUsd(row.costNanoUsd)} dollars`,
    row.code,
  ].filter((fact) => fact !== undefined)
  return `${io.style('dim', sayMoment(row.atMs))} ${mark} ${printable(went)} ${printable(facts.join(', '))} ${io.style('dim', row.exchangeId)}`
}

export interface LogsShowOptions extends CommonOptions {
  readonly bodies?: boolean
}

export function logsShow(exchangeId: string, options: LogsShowOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const { store } = books
    const found = await store.request(exchangeId)
    if (found === undefined)
      throw new CommandRefusal(
        `there is no request ${shown(exchangeId)}: it may still run; ids stand in x-request-id and in holdfast logs`,
      )
    const bodies = options.bodies === true ? await readBodies(exchangeId, books, io) : undefined
    if (options.json)
      printJson(io, {
        request: found.request,
        attempts: found.attempts,
        ...sumsOf(found.attempts),
        ...(bodies && { bodies: describeBodies(bodies) }),
      })
    else for (const line of [...timeline(found, io), ...(bodies ? saidLines(bodies, io) : [])]) io.out(line)
    return exitCodes.ok
  })
}

function saidLines({ path, request, answer }: KeptBodies, io: CliIo): readonly string[] {
  const told = (title: string, body: KeptBody) => {
    const amiss = whatIsAmiss(body)
    const text = textOf(body)
    const head = io.style('bold', title) + (amiss === undefined ? '' : ` (${amiss})`)
    return ['', head, ...(text === undefined ? [] : [text])]
  }
  return [
    ...told(path === undefined ? 'asked' : `asked at ${printable(path)}`, request),
    ...(answer === undefined
      ? ['', 'it was answered with an error']
      : told(`answered, ${printable(answer.contentType)}`, answer.body)),
  ]
}

interface Found {
  readonly request: RequestRow
  readonly attempts: readonly LedgerEntry[]
}

function timeline({ request, attempts }: Found, io: CliIo): readonly string[] {
  const { attribution } = request
  const of = [
    attribution.keyName ?? attribution.keyId,
    attribution.endUser,
    attribution.sessionId,
    ...attribution.tags,
  ].filter((word) => word !== undefined)
  const told = (label: string, text: string) => `${io.style('dim', label.padEnd(10))}${printable(text)}`
  return [
    `${io.style('bold', request.exchangeId)} ${request.state}, ${request.status}${request.code === undefined ? '' : ` ${request.code}`}`,
    told(
      'arrived',
      `${sayMoment(request.atMs)} UTC; ${request.dialect}, ${request.operation}${request.stream ? ', streamed' : ''}`,
    ),
    told(
      'asked for',
      `${request.modelId ?? '-'}${request.route === undefined ? '' : ` (route ${request.route})`}`,
    ),
    ...(of.length === 0 ? [] : [told('of', of.join(', '))]),
    ...(request.message === undefined ? [] : [told('said', request.message)]),
    '',
    ...attempts.map((attempt) => attemptLine(attempt, request, io)),
    ...(attempts.length === 0
      ? [
          request.recall === undefined
            ? 'no attempt was made'
            : `no attempt was made: answered by ${request.recall}`,
        ]
      : []),
    '',
    told(
      'took',
      `${Math.round(request.durationMs)} ms${request.overheadMs === undefined ? '' : `, ${request.overheadMs.toFixed(1)} ms of them ours`}`,
    ),
    told('cost', costLine(attempts, request)),
  ]
}

function attemptLine(attempt: LedgerEntry, { atMs }: RequestRow, io: CliIo): string {
  const { outcome, code, upstreamStatus, message, durationMs, firstTokenMs } = attempt
  // An entry stands at the time it was settled.
  const startMs = Math.max(0, Math.round(attempt.atMs - durationMs - atMs))
  const facts = [
    upstreamStatus === undefined ? undefined : String(upstreamStatus),
    code,
    `${Math.round(durationMs)} ms`,
    firstTokenMs === undefined ? undefined : `first token ${Math.round(firstTokenMs)} ms`,
    attempt.inputTokens === undefined
      ? undefined
      : `${attempt.inputTokens}+${attempt.outputTokens ?? '?'} tokens`,
    `${formatUsd(attempt.costNanoUsd)} dollars (${attempt.basis})`,
    attempt.isWaste ? 'waste' : undefined,
  ].filter((fact) => fact !== undefined)
  const mark = io.style(outcome === 'completed' ? 'green' : 'red', outcome)
  const said = message === undefined ? '' : `\n          ${printable(message)}`
  return `${`+${startMs} ms`.padEnd(10)}${attempt.attempt}. ${printable(attempt.target)} ${mark} ${printable(facts.join(', '))}${said}`
}

function sumsOf(attempts: readonly LedgerEntry[]) {
  const known = attempts.flatMap(({ costNanoUsd }) => (costNanoUsd === undefined ? [] : [costNanoUsd]))
  const wasted = attempts.flatMap(({ costNanoUsd, isWaste }) => (isWaste ? [costNanoUsd ?? 0] : []))
  return {
    cost_nano_usd: sum(known),
    waste_nano_usd: sum(wasted),
    unpriced_attempts: attempts.length - known.length,
  }
}

function costLine(attempts: readonly LedgerEntry[], { costNanoUsd }: RequestRow): string {
  const { cost_nano_usd: cost, waste_nano_usd: waste, unpriced_attempts: unpriced } = sumsOf(attempts)
  const of = attempts.length === 0 ? formatUsd(costNanoUsd) : formatUsd(cost)
  return `${of} dollars${waste > 0 ? `, ${formatUsd(waste)} of them for nothing` : ''}${unpriced > 0 ? `; the price of ${unpriced} is not known` : ''}`
}

function sum(values: readonly number[]): NanoUsd {
  // Sound: whole numbers of nano-dollars, added up.
  return values.reduce((total, value) => total + value, 0) as NanoUsd
}
