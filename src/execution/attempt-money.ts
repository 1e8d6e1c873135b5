/** What an attempt may cost before it is made, and what it did cost after it, as the books want to know it. */

import type { Usage } from '../canonical/usage.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { NanoUsd, Prices } from '../ledger/prices.ts'
import type { AttemptAsk, AttemptResult } from '../ledger/request-books.ts'
import { worstPrices } from '../ledger/worst-case.ts'
import type { Target } from '../providers/provider.ts'
import type { AttemptRecord } from '../telemetry/records.ts'
import type { Exchange } from './exchange.ts'

/** What is known of a target's model; absent means not known. */
export interface TargetFacts {
  readonly contextTokens?: number
  readonly outputTokensMax?: number
  readonly prices?: Prices
}

/** Of text that nobody counted: English has more than four bytes a token, code and other scripts about three. */
const TEXT_BYTES_A_TOKEN = 3
/** What is assumed to be read of pictures, files and what the provider remembers, where no context window is known. */
const REFERRED_TOKENS = 200_000

export function askOf(
  exchange: Exchange,
  target: Target,
  {
    facts = NO_FACTS,
    routeName,
    sentBytes = 0,
  }: {
    readonly facts?: TargetFacts | undefined
    readonly routeName?: string | undefined
    /** Of the request as the target is sent it: what was translated, or goes on with an answer, may be longer. */
    readonly sentBytes?: number
  },
): AttemptAsk {
  const { envelope } = exchange
  const inputTokensMax = inputBound(exchange, facts, sentBytes)
  const isByTokens = isPricedByTokens(exchange)
  const prices = isByTokens
    ? worstPrices(facts.prices, inputTokensMax, {
        hasSound: hasSound(exchange),
        hasServiceClass: envelope.fields.has('service_tier'),
      })
    : undefined
  const outputTokensMax = outputBound(exchange, facts)
  return {
    target: target.id,
    provider: target.provider.id,
    inputTokensMax,
    candidates: Math.max(1, envelope.candidateCount, envelope.generatedCount ?? 1),
    isFree: isFree(exchange),
    ...(isByTokens ? {} : { isSoldOtherwise: true }),
    ...(outputTokensMax === undefined ? {} : { outputTokensMax }),
    ...(prices === undefined ? {} : { prices }),
    ...(routeName === undefined ? {} : { route: routeName }),
  }
}

const NO_FACTS: TargetFacts = {}

/** A token is a byte at least, and what is only referred to, or found by a tool of the provider's, can fill the window. */
function inputBound(exchange: Exchange, { contextTokens }: TargetFacts, sentBytes: number): number {
  const { envelope, body, asked, referring } = exchange
  const bytes = Math.max(envelope.bodyBytes, body.length, sentBytes)
  const refersElsewhere =
    referring !== undefined ||
    (asked === undefined &&
      (REFERRING_FIELDS.some((name) => envelope.fields.has(name)) ||
        (dialectHasPrompts(exchange) && envelope.fields.has('prompt')) ||
        refersToMedia(body) ||
        hidesWords(body) ||
        hasHostedTools(exchange)))
  if (!refersElsewhere) return Math.min(bytes, contextTokens ?? bytes)
  return contextTokens ?? bytes + REFERRED_TOKENS
}

/** How the dialects name what is not in the request as text. */
const MEDIA_MARKS = [
  '"image',
  '"file',
  '"document',
  '"video',
  '"input_audio',
  'nlineData"',
  'nline_data"',
] as const

/** Fields whose value stands for a text that the provider keeps. */
const REFERRING_FIELDS = [
  'cachedContent',
  'cached_content',
  'conversation',
  'container',
  'previous_response_id',
] as const

/** In the Responses API a prompt is one that the provider keeps; in the oldest API it is the text itself. */
function dialectHasPrompts({ dialect }: Exchange): boolean {
  return dialect.id === 'openai-responses'
}

const ESCAPED_LETTER = /\\u00(?:4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])/i

/** No encoder escapes plain letters: whoever does hides the words that are looked for here. */
function hidesWords(body: Uint8Array): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return bytes.includes('\\u00') && ESCAPED_LETTER.test(bytes.toString('latin1'))
}

function refersToMedia(body: Uint8Array): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return MEDIA_MARKS.some((mark) => bytes.includes(mark))
}

/** Fields that say nothing else but that the provider looks something up by itself. */
const HOSTED_FIELDS = ['mcp_servers', 'web_search_options'] as const
const HOSTED_TOOL =
  /"type"\s*:\s*"(?:web_search|web_fetch|code_execution|code_interpreter|mcp|tool_search)|"(?:googleSearch|google_search|urlContext|url_context|codeExecution|code_execution|enterpriseWebSearch|googleMaps)"\s*:/
/** One of them stands in every such tool, and seldom elsewhere: most lists of tools are not made a text for it. */
const HOSTED_MARKS = ['"web_', '"code', '"mcp', '"tool_search', '"google', '"url', '"enterprise'] as const

/** Tools that the provider runs itself: what they find is read by the model, and paid for as input. */
function hasHostedTools({ envelope: { fields }, body }: Exchange): boolean {
  if (HOSTED_FIELDS.some((name) => fields.has(name))) return true
  const span = fields.get('tools')
  if (span === undefined) return false
  const tools = Buffer.from(body.buffer, body.byteOffset + span.start, span.end - span.start)
  return HOSTED_MARKS.some((mark) => tools.includes(mark)) && HOSTED_TOOL.test(tools.toString('latin1'))
}

function hasSound({ envelope, body }: Exchange): boolean {
  if (envelope.isPlainOnly === true && envelope.generatedCount === undefined) return true
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).includes('"input_audio"')
}

function outputBound({ envelope, asked }: Exchange, { outputTokensMax }: TargetFacts): number | undefined {
  // What is no chat answers no tokens that are paid for one by one.
  if (asked !== undefined) return 0
  const { maxOutputTokens } = envelope
  if (maxOutputTokens === undefined) return undefined
  return Math.min(maxOutputTokens, outputTokensMax ?? maxOutputTokens)
}

/** Pictures, speech and batches are sold by other measures. */
function isPricedByTokens({ asked }: Exchange): boolean {
  return asked === undefined || PRICED_BY_TOKENS.has(asked.spec.operation)
}

const PRICED_BY_TOKENS: ReadonlySet<string> = new Set(['embeddings', 'moderations'])

/** Counting, and looking after files and batches; beginning a batch is paid for. */
function isFree({ operation, asked }: Exchange): boolean {
  if (asked === undefined) return operation === 'count-tokens'
  const { spec } = asked
  if (spec.operation === 'batches') return !(spec.method === 'POST' && spec.isOnce)
  return spec.placedBy !== 'model'
}

export interface EndedAttempt {
  readonly record: AttemptRecord
  readonly error: GatewayError | undefined
  /** Bytes of text that came of an answer which broke off. */
  readonly textBytes: number | undefined
  readonly heldNanoUsd: NanoUsd | undefined
}

/** Counts and costs what nobody reported; `costOf` prices tokens. */
export function resultOf(
  { record, error, textBytes, heldNanoUsd }: EndedAttempt,
  ask: AttemptAsk,
  costOf: (usage: Usage) => NanoUsd | undefined,
): AttemptResult {
  const spent = spentOf({ record, textBytes, heldNanoUsd }, ask, costOf)
  const { usage } = spent
  const reasoning = usage?.reasoningTokens
  return {
    outcome: record.outcome,
    durationMs: Math.round(record.durationMs),
    basis: spent.basis,
    isWaste: record.isWaste,
    ...(error === undefined ? {} : { code: error.code }),
    ...(record.upstreamStatus === undefined ? {} : { upstreamStatus: record.upstreamStatus }),
    ...(record.message === undefined ? {} : { message: record.message }),
    ...(record.firstTokenMs === undefined ? {} : { firstTokenMs: Math.round(record.firstTokenMs) }),
    ...(usage?.inputTokens === undefined ? {} : { inputTokens: usage.inputTokens }),
    ...(usage?.outputTokens === undefined ? {} : { outputTokens: usage.outputTokens }),
    ...(usage?.cacheReadTokens === undefined ? {} : { cacheReadTokens: usage.cacheReadTokens }),
    ...(usage?.cacheWriteTokens === undefined ? {} : { cacheWriteTokens: usage.cacheWriteTokens }),
    ...(reasoning === undefined ? {} : { reasoningTokens: reasoning }),
    ...(spent.costNanoUsd === undefined ? {} : { costNanoUsd: spent.costNanoUsd }),
  }
}

interface Spent {
  readonly basis: AttemptResult['basis']
  readonly usage?: Usage | undefined
  readonly costNanoUsd?: NanoUsd | undefined
}

// Sound: no dollars are a whole number of nano-dollars.
const NOTHING = 0 as NanoUsd

function spentOf(
  { record, textBytes, heldNanoUsd }: Omit<EndedAttempt, 'error'>,
  ask: AttemptAsk,
  costOf: (usage: Usage) => NanoUsd | undefined,
): Spent {
  if (ask.isFree || record.usageSource === 'none') return { basis: 'none', costNanoUsd: NOTHING }
  const { usage } = record
  if (record.usageSource === 'reported') return { basis: 'reported', usage, costNanoUsd: costOf(usage ?? {}) }
  // An answer that came whole and says nothing of what it cost may have cost all that was held.
  if (record.outcome === 'completed' || textBytes === undefined)
    return { basis: 'estimated', usage, costNanoUsd: heldNanoUsd }
  const counted = countedUsage(usage, textBytes, ask)
  const costNanoUsd = costOf(counted)
  return { basis: 'counted', usage: counted, costNanoUsd: atMost(costNanoUsd, heldNanoUsd) }
}

/** What was reported before the break counts, and what came as text where that is more. */
function countedUsage(usage: Usage | undefined, textBytes: number, ask: AttemptAsk): Usage {
  const outputTokens = Math.max(usage?.outputTokens ?? 0, Math.ceil(textBytes / TEXT_BYTES_A_TOKEN))
  const inputTokens = usage?.inputTokens ?? Math.ceil(ask.inputTokensMax / TEXT_BYTES_A_TOKEN)
  return { ...usage, inputTokens, outputTokens }
}

/** An estimate never takes more than was held for the attempt. */
function atMost(costNanoUsd: NanoUsd | undefined, heldNanoUsd: NanoUsd | undefined): NanoUsd | undefined {
  if (costNanoUsd === undefined || heldNanoUsd === undefined) return costNanoUsd
  return costNanoUsd < heldNanoUsd ? costNanoUsd : heldNanoUsd
}
