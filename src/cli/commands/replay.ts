/** `holdfast replay`: asks again what was asked, of another model if told so, and lays both beside each other. */

import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { KeptBodies } from '../../archive/kept-bodies.ts'
import { dialects } from '../../dialects/index.ts'
import { readAnswer } from '../../exchange/say-again.ts'
import type { RequestRow } from '../../ledger/entry.ts'
import { formatUsd } from '../../ledger/usd.ts'
import { sleep, systemClock } from '../../std/clock.ts'
import { isJsonObject, parseJson } from '../../std/json.ts'
import { askOwn } from '../../upstream/ask-own.ts'
import type { OpenedBooks } from '../books.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { ownGateway } from '../gateway-url.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { withBooks } from '../open-books.ts'
import { readBodies, whatIsAmiss } from '../read-bodies.ts'
import { shown } from '../read-values.ts'
import { CommandRefusal } from '../refusal.ts'
import { callOf } from '../replay-call.ts'
import { codeOf } from '../settings-files.ts'
import { printable, tableLines } from '../table.ts'

export interface ReplayOptions extends CommonOptions {
  readonly model?: string
  /** A file with the body of the request. */
  readonly body?: string
  readonly url?: string
}

/** Largest body, bytes. */
const BODY_BYTES_MAX = 32 * 1024 ** 2
/** Limit of the whole answer, ms. */
const ANSWER_MS = 600_000
/** How long the row of the new request is waited for, and how often it is looked for, ms. */
const ROW_WAIT_MS = 3_000
const ROW_LOOK_MS = 100

export function replay(exchangeId: string, options: ReplayOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const found = await books.store.request(exchangeId)
    if (found === undefined)
      throw new CommandRefusal(`there is no request ${shown(exchangeId)}: holdfast logs lists them`)
    const { request: original } = found
    const { text, kept } = await bodyOf(exchangeId, { books, options, io })
    const call = callOf({ original, text, model: options.model, ...(kept && { kept }) })
    const own =
      options.url === undefined ? ownGateway(books.config) : { url: options.url.replace(/\/+$/, '') }
    const url = `${own.url}${call.path}`
    const key = io.env['HOLDFAST_KEY']?.trim() || undefined
    const answer = await askOwn(url, {
      body: call.body,
      timeoutMs: ANSWER_MS,
      ...(own.proof && { proof: own.proof }),
      headers: {
        ...call.headers,
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      },
    })
    if (answer.type === 'unreachable') {
      const message = `no gateway answers at ${url} (${answer.reason}): start it, or say where it is with --url`
      if (options.json) printJson(io, { ok: false, message })
      else io.err(message)
      return exitCodes.unreachable
    }
    if (answer.status === UNAUTHENTICATED) {
      const message = sayWrongKey(answer, { url, key })
      if (options.json) printJson(io, { ok: false, status: answer.status, message })
      else io.err(message)
      return exitCodes.failed
    }
    const id = String(answer.headers['x-request-id'] ?? answer.headers['request-id'] ?? '')
    const again = id === '' ? undefined : await rowOf(id, books, io)
    const isWell = answer.status < 400
    const finish = { before: finishBefore(kept), after: isWell ? finishOf(original, answer) : undefined }
    if (options.json)
      printJson(io, {
        ok: isWell,
        original,
        replayed: again ?? null,
        status: answer.status,
        finish: { before: finish.before ?? null, after: finish.after ?? null },
        answer: parseJson(answer.text) ?? answer.text,
      })
    else print({ original, again, finish, status: answer.status, text: answer.text, options, io })
    return isWell ? exitCodes.ok : exitCodes.failed
  })
}

/** A request without a good key is in no books: there is no row to wait for. */
const UNAUTHENTICATED = 401
/** What is shown of the gateway's words, characters. */
const SAID_CHARS_MAX = 500

function sayWrongKey(
  { status, text }: { readonly status: number; readonly text: string },
  { url, key }: { readonly url: string; readonly key: string | undefined },
): string {
  const body = parseJson(text)
  const error = isJsonObject(body) ? body['error'] : undefined
  const said = isJsonObject(error) && typeof error['message'] === 'string' ? error['message'] : undefined
  const answered = `${url} answered ${status}${said === undefined ? '' : `: ${printable(said.slice(0, SAID_CHARS_MAX))}`}`
  return key === undefined
    ? `${answered} HOLDFAST_KEY is not set: set it to a client key, or make one with holdfast key create`
    : `${answered} The key in HOLDFAST_KEY is wrong, or good no more: set it to another, or make one with holdfast key create`
}

interface Around {
  readonly books: OpenedBooks
  readonly options: ReplayOptions
  readonly io: CliIo
}

interface Body {
  readonly text: string
  readonly kept?: KeptBodies
}

async function bodyOf(exchangeId: string, { books, options, io }: Around): Promise<Body> {
  if (options.body !== undefined) return { text: readBody(resolve(io.directory, options.body), options.body) }
  const kept = await orFromFile(readBodies(exchangeId, books, io))
  const { request } = kept
  const amiss = whatIsAmiss(request)
  if (request.type === 'left-out' || request.isCut)
    throw new CommandRefusal(`the body of ${shown(exchangeId)} is ${amiss}. ${FROM_FILE}`)
  if (amiss !== undefined && options.quiet !== true) io.err(`of the body: ${amiss}`)
  return { text: Buffer.from(request.body).toString(), kept }
}

const FROM_FILE = 'Give the body in a file: --body request.json'

async function orFromFile<Value>(reading: Promise<Value>): Promise<Value> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof CommandRefusal) throw new CommandRefusal(`${error.message}. ${FROM_FILE}`)
    throw error
  }
}

function readBody(path: string, name: string): string {
  try {
    if (statSync(path).size > BODY_BYTES_MAX)
      throw new CommandRefusal(`${name} is larger than ${BODY_BYTES_MAX / 1024 ** 2} MiB`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof CommandRefusal) throw error
    throw new CommandRefusal(`${name} cannot be read (${codeOf(error)}): is it there?`)
  }
}

/** Why the model stopped, in its dialect's own word; `undefined` where that is not to be told. */
function finishBefore(kept: KeptBodies | undefined): string | undefined {
  const body = kept?.answer?.body
  if (kept?.answer === undefined || body?.type !== 'kept' || body.isCut || kept.operation !== 'chat')
    return undefined
  return wordOf(kept.dialect, { form: kept.answer.form, body: body.body }, kept.candidateCount)
}

function finishOf(
  { dialect, operation }: RequestRow,
  { text }: { readonly text: string },
): string | undefined {
  return operation === 'chat' ? wordOf(dialect, { form: 'plain', body: Buffer.from(text) }) : undefined
}

function wordOf(
  dialectId: string,
  answer: { readonly form: string; readonly body: Uint8Array },
  candidates = 1,
): string | undefined {
  const dialect = [...dialects.values()].find(({ id }) => id === dialectId)
  const result = dialect && readAnswer(dialect, answer, candidates)
  const finish = result?.candidates[0]?.finish
  return finish?.raw ?? finish?.reason
}

async function rowOf(id: string, { store }: OpenedBooks, io: CliIo): Promise<RequestRow | undefined> {
  const clock = io.clock ?? systemClock
  const untilMs = clock.nowMs() + ROW_WAIT_MS
  const alive = io.keepAlive?.()
  try {
    for (;;) {
      const found = await store.request(id)
      if (found !== undefined || clock.nowMs() >= untilMs) return found?.request
      await sleep(clock, ROW_LOOK_MS)
    }
  } finally {
    alive?.()
  }
}

interface Printing {
  readonly original: RequestRow
  readonly again: RequestRow | undefined
  readonly finish: { readonly before: string | undefined; readonly after: string | undefined }
  readonly status: number
  readonly text: string
  readonly options: ReplayOptions
  readonly io: CliIo
}

function print({ original, again, finish, status, text, options, io }: Printing): void {
  io.out(printable(text).trim() === text.trim() ? text.trimEnd() : text.replaceAll('\u001b', '?').trimEnd())
  if (options.quiet === true) return
  const row = (title: string, of: (row: RequestRow) => string) => [
    title,
    of(original),
    again === undefined ? '?' : of(again),
  ]
  const lines = tableLines(
    [{ title: '' }, { title: 'THEN' }, { title: 'NOW' }],
    [
      row('request', ({ exchangeId }) => exchangeId),
      row('model', ({ modelId = '-' }) => modelId),
      row('target', ({ target = '-' }) => target),
      ['status', String(original.status), String(again?.status ?? status)],
      row('state', ({ state, code }) => (code === undefined ? state : `${state}, ${code}`)),
      ['finish', finish.before ?? '?', finish.after ?? '?'],
      row('tokens', ({ inputTokens = '?', outputTokens = '?' }) => `${inputTokens}+${outputTokens}`),
      row('dollars', ({ costNanoUsd }) => formatUsd(costNanoUsd)),
      row('ms', ({ durationMs }) => String(Math.round(durationMs))),
    ],
  )
  io.err(lines.join('\n'))
  if (again === undefined)
    io.err(
      status < 400
        ? 'the new request is not in the books yet: is this the store of that gateway?'
        : 'the new request is not in the books: it was refused before it began, or this is not the store of that gateway',
    )
}
