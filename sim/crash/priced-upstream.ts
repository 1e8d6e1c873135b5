/**
 * A provider that knows exactly what it charges: chats of OpenAI's kind, streamed and whole, with a count of every call
 * under the mark that its request carries. What it should do wrong stands in the request too, so that a seed repeats it.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isJsonObject, parseJson } from '../../src/std/json.ts'

/** Nano-USD a token; `PRICES_USD` says the same a million, for the configuration. */
const INPUT_PRICE = 1_000
const OUTPUT_PRICE = 50_000
export const PRICES_USD = { input: 1, output: 50 }
/** How long an answer that stalls takes to begin, ms. */
const STALL_MS = 1_500
/** Tokens of an answer where the request allows more. */
const TOKENS_USUAL = 12

/** What goes wrong with the first call of a request. */
export const MISFORTUNES = ['refused', 'limited', 'broken-off', 'garbled', 'closed', 'stalled'] as const
export type Misfortune = 'none' | (typeof MISFORTUNES)[number]

export interface Wish {
  /** By which the call is found again. */
  readonly mark: string
  readonly misfortune: Misfortune
  /** Between two tokens, ms. */
  readonly paceMs: number
}

export interface UpstreamCall {
  readonly mark: string
  /** As the provider bills it: an answer nobody read to its end is billed whole. */
  readonly chargedNanoUsd: number
  /** Answered to the end. */
  readonly isWhole: boolean
}

export interface PricedUpstream extends AsyncDisposable {
  readonly baseUrl: string
  callsOf(mark: string): readonly UpstreamCall[]
  readonly calls: number
  readonly chargedNanoUsd: number
}

export function writeWish({ mark, misfortune, paceMs }: Wish): string {
  return `mark=${mark} misfortune=${misfortune} pace=${paceMs} and a few words more`
}

export interface UpstreamOptions {
  /** Told of every call; without it calls are kept, and found by `callsOf`. */
  readonly onCall?: (call: UpstreamCall) => void
}

/** Marks remembered, so that only the first call of a request goes wrong. */
const BEGUN_MAX = 20_000

export async function startPricedUpstream({ onCall }: UpstreamOptions = {}): Promise<PricedUpstream> {
  const calls = new Map<string, UpstreamCall[]>()
  const told = { calls: 0, chargedNanoUsd: 0 }
  const note = (call: UpstreamCall) => {
    told.calls += 1
    told.chargedNanoUsd += call.chargedNanoUsd
    if (onCall === undefined) calls.set(call.mark, [...(calls.get(call.mark) ?? []), call])
    else onCall(call)
  }
  const begun = new Set<string>()
  const server = createServer((request, response) => {
    void answer(request, response, (mark) => {
      const isFirst = !begun.has(mark)
      begun.add(mark)
      const [oldest] = begun
      if (begun.size > BEGUN_MAX && oldest !== undefined) begun.delete(oldest)
      return isFirst
    }).then((call) => {
      if (call !== undefined) note(call)
    })
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // Sound: it listens on a port.
  const { port } = server.address() as AddressInfo
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    callsOf: (mark) => calls.get(mark) ?? [],
    get calls() {
      return told.calls
    },
    get chargedNanoUsd() {
      return told.chargedNanoUsd
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  isFirst: (mark: string) => boolean,
): Promise<UpstreamCall | undefined> {
  const body = await bodyOf(request)
  const wish = body === undefined ? undefined : wishOf(body)
  if (body === undefined || wish === undefined) {
    response.writeHead(404).end()
    return undefined
  }
  const { mark } = wish
  const misfortune = isFirst(mark) ? wish.misfortune : 'none'
  if (misfortune === 'refused' || misfortune === 'limited') {
    response.writeHead(misfortune === 'refused' ? 500 : 429, { 'content-type': 'application/json' })
    response.end('{"error":{"message":"Not now.","type":"server_error"}}')
    return { mark, chargedNanoUsd: 0, isWhole: true }
  }
  const usage = usageOf(body)
  const isGone = () => response.destroyed || response.socket?.destroyed === true
  if (misfortune === 'closed') response.destroy()
  else if (misfortune === 'garbled') {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end('{"choices":[{"mess')
  } else if (body['stream'] === true) await stream(response, { ...wish, misfortune, usage, isGone })
  else {
    await pause(wish.paceMs * 3)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(wholeAnswer(usage)))
  }
  const chargedNanoUsd = usage.prompt_tokens * INPUT_PRICE + usage.completion_tokens * OUTPUT_PRICE
  return { mark, chargedNanoUsd, isWhole: misfortune === 'none' && !isGone() }
}

interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
}

interface Streaming extends Wish {
  readonly usage: Usage
  readonly isGone: () => boolean
}

async function stream(response: ServerResponse, { usage, paceMs, misfortune, isGone }: Streaming) {
  if (misfortune === 'stalled') await pause(STALL_MS)
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(event({ delta: { role: 'assistant', content: '' } }))
  const tokens =
    misfortune === 'broken-off' ? Math.floor(usage.completion_tokens / 2) : usage.completion_tokens
  for (let token = 0; token < tokens && !isGone(); token += 1) {
    if (paceMs > 0) await pause(paceMs)
    response.write(event({ delta: { content: wordOf(token) } }))
  }
  if (misfortune === 'broken-off') {
    response.destroy()
    return
  }
  response.end(
    `${event({ delta: {}, finish: 'stop' })}data: ${JSON.stringify({ ...HEAD, choices: [], usage })}\n\ndata: [DONE]\n\n`,
  )
}

const HEAD = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm' }

function event({
  delta,
  finish = null,
}: {
  readonly delta: object
  readonly finish?: string | null
}): string {
  return `data: ${JSON.stringify({ ...HEAD, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
}

function wholeAnswer(usage: Usage): object {
  const content = Array.from({ length: usage.completion_tokens }, (_, token) => wordOf(token)).join('')
  return {
    ...HEAD,
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage,
  }
}

function wordOf(token: number): string {
  return `word${token} `
}

/** Never more of the input than it has bytes, nor of the output than was allowed: as every honest provider. */
function usageOf(body: Readonly<Record<string, unknown>>): Usage {
  const allowed = Number(body['max_tokens'] ?? body['max_completion_tokens'] ?? TOKENS_USUAL)
  const prompt_tokens = Math.ceil(contentOf(body).length / 4) + 3
  const completion_tokens = Math.min(TOKENS_USUAL, allowed)
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

function wishOf(body: Readonly<Record<string, unknown>>): Wish | undefined {
  const read = /^mark=(\S+) misfortune=([a-z-]+) pace=(\d+) /.exec(contentOf(body))
  const [, mark = '', misfortune = 'none', pace = '0'] = read ?? []
  // Sound: `writeWish` wrote it.
  return read === null ? undefined : { mark, misfortune: misfortune as Misfortune, paceMs: Number(pace) }
}

function contentOf(body: Readonly<Record<string, unknown>>): string {
  const { messages } = body
  const first: unknown = Array.isArray(messages) ? messages[0] : undefined
  const content = isJsonObject(first) ? first['content'] : undefined
  return typeof content === 'string' ? content : ''
}

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>> | undefined> {
  const parts: Buffer[] = []
  try {
    for await (const part of request) parts.push(part as Buffer)
  } catch {
    return undefined
  }
  const value = parseJson(Buffer.concat(parts).toString('utf8'))
  return isJsonObject(value) ? value : undefined
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
