/** `holdfast replay`: asks again what was asked, of another model if told so, and lays both beside each other. */

import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { RequestRow } from '../../ledger/entry.ts'
import { formatUsd } from '../../ledger/usd.ts'
import { sleep, systemClock } from '../../std/clock.ts'
import { isJsonObject, type JsonObject, parseJson } from '../../std/json.ts'
import { askOwn } from '../../upstream/ask-own.ts'
import type { OpenedBooks } from '../books.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { gatewayUrl } from '../gateway-url.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { withBooks } from '../open-books.ts'
import { shown } from '../read-values.ts'
import { CommandRefusal } from '../refusal.ts'
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
    const text = await bodyOf(exchangeId, { books, options, io })
    const call = callOf(original, text, options.model)
    const url = `${options.url?.replace(/\/+$/, '') ?? gatewayUrl(books.config.listen)}${call.path}`
    const key = io.env['HOLDFAST_KEY']?.trim()
    const answer = await askOwn(url, {
      body: call.body,
      timeoutMs: ANSWER_MS,
      headers: {
        'content-type': 'application/json',
        ...(original.dialect === 'anthropic-messages' && { 'anthropic-version': '2023-06-01' }),
        ...(key !== undefined && key !== '' && { authorization: `Bearer ${key}` }),
      },
    })
    if (answer.type === 'unreachable') {
      const message = `no gateway answers at ${url} (${answer.reason}): start it, or say where it is with --url`
      if (options.json) printJson(io, { ok: false, message })
      else io.err(message)
      return exitCodes.unreachable
    }
    const id = String(answer.headers['x-request-id'] ?? answer.headers['request-id'] ?? '')
    const again = id === '' ? undefined : await rowOf(id, books, io)
    const isWell = answer.status < 400
    if (options.json)
      printJson(io, {
        ok: isWell,
        original,
        replayed: again ?? null,
        status: answer.status,
        answer: parseJson(answer.text) ?? answer.text,
      })
    else print({ original, again, status: answer.status, text: answer.text, options, io })
    return isWell ? exitCodes.ok : exitCodes.failed
  })
}

interface Around {
  readonly books: OpenedBooks
  readonly options: ReplayOptions
  readonly io: CliIo
}

async function bodyOf(exchangeId: string, { books, options, io }: Around): Promise<string> {
  if (options.body !== undefined) return readBody(resolve(io.directory, options.body), options.body)
  const kept = await books.findRequestBody?.(exchangeId)
  if (kept !== undefined) return kept
  throw new CommandRefusal(
    `what ${shown(exchangeId)} asked was not kept: the books hold who asked, for what and at which cost, and no prompts. Give the body in a file: --body request.json`,
  )
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

interface Call {
  readonly path: string
  readonly body: string
}

const paths: Readonly<Record<string, string>> = {
  'openai-chat': '/v1/chat/completions',
  'openai-responses': '/v1/responses',
  'openai-completions': '/v1/completions',
  'anthropic-messages': '/v1/messages',
}

/** Whole, not streamed: two answers are laid beside each other. */
function callOf(original: RequestRow, text: string, model: string | undefined): Call {
  if (original.operation !== 'chat')
    throw new CommandRefusal(`a request for ${original.operation} is not asked again: only chats are`)
  const body = parseJson(text)
  if (!isJsonObject(body)) throw new CommandRefusal('the body is no JSON object')
  const asked = model ?? original.modelId
  if (original.dialect === 'gemini') {
    if (asked === undefined) throw new CommandRefusal('nothing says which model was asked: add --model')
    const name = asked.split('/').map(encodeURIComponent).join('/')
    return { path: `/v1beta/models/${name}:generateContent`, body: JSON.stringify(body) }
  }
  const path = Object.hasOwn(paths, original.dialect) ? paths[original.dialect] : undefined
  if (path === undefined)
    throw new CommandRefusal(`a request in ${shown(original.dialect)} cannot be asked again`)
  const { stream: _, stream_options: __, ...rest } = body
  const whole: JsonObject = model === undefined ? rest : { ...rest, model }
  return { path, body: JSON.stringify(whole) }
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
  readonly status: number
  readonly text: string
  readonly options: ReplayOptions
  readonly io: CliIo
}

function print({ original, again, status, text, options, io }: Printing): void {
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
      row('tokens', ({ inputTokens = '?', outputTokens = '?' }) => `${inputTokens}+${outputTokens}`),
      row('dollars', ({ costNanoUsd }) => formatUsd(costNanoUsd)),
      row('ms', ({ durationMs }) => String(Math.round(durationMs))),
    ],
  )
  io.err(lines.join('\n'))
  if (again === undefined)
    io.err('the new request is not in the books yet: is this the store of that gateway?')
}
