/** What an attempt may cost before it is made, and what it did cost after it, as the books want to know it. */

import type { Usage } from '../canonical/usage.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { NanoUsd, Prices } from '../ledger/prices.ts'
import { type AttemptAsk, type AttemptResult, OUTPUT_TOKENS_UNASKED } from '../ledger/request-books.ts'
import { tenthsIn, US_TENTHS } from '../ledger/inference-geo.ts'
import { type AskedClass, askedClass, isUnpriced } from '../ledger/service-class.ts'
import { SEARCHES_UNASKED } from '../ledger/search-fee.ts'
import { worstPrices } from '../ledger/worst-case.ts'
import type { OperationSpec } from '../operations/operation-spec.ts'
import type { Target } from '../providers/provider.ts'
import type { AttemptRecord } from '../telemetry/records.ts'
import type { Exchange } from './exchange.ts'
import { hasHostedTools, offeredSearch } from './hosted-tools.ts'
import type { SentService } from './sent-service.ts'

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
    service = USUAL_SERVICE,
  }: {
    readonly facts?: TargetFacts | undefined
    readonly routeName?: string | undefined
    /** Of the request as the target is sent it: what was translated, or goes on with an answer, may be longer. */
    readonly sentBytes?: number
    /** How the target is asked to serve it. */
    readonly service?: SentService
  },
): AttemptAsk {
  const { envelope } = exchange
  const isByTokens = isPricedByTokens(exchange)
  // One byte a character: places in the text are places in the body, and no mark holds anything but ASCII.
  const text = isByTokens ? latin1Of(exchange) : ''
  const inputTokensMax = inputBound(exchange, facts, { sentBytes, text, targetId: target.id })
  const { inferenceGeo } = service
  const serviceClass = askedClass(service)
  const unpricedService = unpricedOf(service, serviceClass, facts)
  const search = facts.prices?.search && offeredSearch(exchange, text)
  const searchKind = search?.kind ?? service.searchKind
  const prices = isByTokens
    ? worstPrices(facts.prices, inputTokensMax, {
        hasSound: hasSound(exchange, text),
        serviceClass,
        mayCacheForAnHour: text.includes('"1h"'),
        mayStayInUs: mayStayInUs(target, inferenceGeo),
        searchesMax: search?.queriesMax ?? (facts.prices?.search?.isAlways ? SEARCHES_UNASKED : 0),
        searchKind,
      })
    : undefined
  return {
    target: target.id,
    provider: target.provider.id,
    inputTokensMax,
    candidates: Math.max(1, envelope.candidateCount, envelope.generatedCount ?? 1),
    isFree: isFree(exchange),
    ...(isByTokens ? {} : { isSoldOtherwise: true }),
    ...outputBound(exchange, facts),
    ...(prices === undefined ? {} : { prices }),
    ...(serviceClass === undefined ? {} : { serviceClass }),
    ...(inferenceGeo === undefined ? {} : { inferenceGeo }),
    ...(searchKind === undefined ? {} : { searchKind }),
    ...(search?.isUnbounded === true ? { searchesUnasked: SEARCHES_UNASKED } : {}),
    ...(unpricedService === undefined ? {} : { unpricedService }),
    ...(routeName === undefined ? {} : { route: routeName }),
  }
}

const NO_FACTS: TargetFacts = {}
const USUAL_SERVICE: SentService = {}

/** What is asked for that has no price and may cost more than what has one, as the request says it. */
function unpricedOf(
  { serviceTier, speed, inferenceGeo }: SentService,
  asked: AskedClass | undefined,
  { prices = {} }: TargetFacts,
): string | undefined {
  if (tenthsIn(inferenceGeo) === undefined) return said('inference_geo', inferenceGeo)
  if (!isUnpriced(asked, prices)) return undefined
  return askedClass({ speed }) === undefined ? said('service_tier', serviceTier) : said('speed', speed)
}

/** Of a word of the client's that is said again. */
const WORD_CHARS_MAX = 64

function said(field: string, word: string | undefined): string {
  return `${field} ${JSON.stringify(word?.slice(0, WORD_CHARS_MAX))}`
}

/** Where nothing is asked for, the provider's customer may have said so once for all. */
function mayStayInUs({ provider }: Target, inferenceGeo: string | undefined): boolean {
  return inferenceGeo ? tenthsIn(inferenceGeo) === US_TENTHS : provider.isPricedByPlace === true
}

/** A token is a byte at least, and what is only referred to, or found by a tool of the provider's, can fill the window. */
function inputBound(
  exchange: Exchange,
  facts: TargetFacts,
  {
    sentBytes,
    text,
    targetId,
  }: { readonly sentBytes: number; readonly text: string; readonly targetId: string },
): number {
  const { envelope, body } = exchange
  const windowTokens = windowOf(facts)
  const bytes = Math.max(envelope.bodyBytes, body.length, sentBytes)
  const search = facts.prices?.search
  const readsFindings = search?.isAlways === true && search.isBySize === undefined
  // Whatever it refers to, no more than the window is read.
  if (windowTokens !== undefined && bytes >= windowTokens) return windowTokens
  return readsFindings || refersElsewhere(exchange, text, targetId)
    ? (windowTokens ?? bytes + REFERRED_TOKENS)
    : bytes
}

/**
 * The most that is read at once, tokens; `undefined` where it is not known. A window with a price published for still more
 * than it is no bound: its provider reads more for those who ask for it (Anthropic's million, by a header).
 */
function windowOf({ contextTokens, prices }: TargetFacts): number | undefined {
  const isPricedBeyond = prices?.tiers?.some(
    ({ aboveInputTokens }) => aboveInputTokens >= (contextTokens ?? 0),
  )
  return isPricedBeyond ? undefined : contextTokens
}

function refersElsewhere(exchange: Exchange, text: string, targetId: string): boolean {
  const { envelope, asked, referring } = exchange
  if (referring !== undefined) return true
  if (asked !== undefined) return false
  if (REFERRING_FIELDS.some((name) => envelope.fields.has(name))) return true
  if (isOfStoredPrompts(exchange) && envelope.fields.has('prompt')) return true
  return REFERENCE_MARKS.some((mark) => mark.test(text)) || hasHostedTools(envelope, text, targetId)
}

function latin1Of({ body }: Exchange): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1')
}

/** Fields whose value stands for a text that the provider keeps. */
const REFERRING_FIELDS = [
  'cachedContent',
  'cached_content',
  'conversation',
  'container',
  'previous_response_id',
] as const

/** In the Responses API a prompt is one that the provider keeps; in the oldest API it is the text itself. */
function isOfStoredPrompts({ dialect }: Exchange): boolean {
  return dialect.id === 'openai-responses'
}

/** Apart, since each begins with another character, by which a long text is searched faster than for all of them at once. */
const REFERENCE_MARKS = [
  // How the dialects name what is not in the request as text.
  /"(?:image|file|document|video|input_audio)/,
  /nline(?:Data|_data)"/,
  // No encoder escapes what the words are made of that are looked for here: whoever does hides them.
  /\\u00(?:4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a])/i,
] as const

function hasSound({ envelope }: Exchange, text: string): boolean {
  if (envelope.isPlainOnly === true && envelope.generatedCount === undefined) return true
  return text.includes('"input_audio"')
}

function outputBound({ envelope, asked }: Exchange, { outputTokensMax }: TargetFacts): OutputBound {
  // What is no chat answers no tokens that are paid for one by one.
  if (asked !== undefined) return { outputTokensMax: 0 }
  const { maxOutputTokens } = envelope
  // What is held where neither says a ceiling would be refused by a model that writes less.
  if (maxOutputTokens === undefined)
    return outputTokensMax === undefined || outputTokensMax >= OUTPUT_TOKENS_UNASKED
      ? {}
      : { outputTokensMax, isBelowAsked: true }
  if (outputTokensMax === undefined || maxOutputTokens <= outputTokensMax)
    return { outputTokensMax: maxOutputTokens }
  return { outputTokensMax, isBelowAsked: true }
}

type OutputBound = Pick<AttemptAsk, 'outputTokensMax' | 'isBelowAsked'>

/** Pictures, speech and batches are sold by other measures. */
function isPricedByTokens({ asked }: Exchange): boolean {
  return asked === undefined || PRICED_BY_TOKENS.has(asked.spec.operation)
}

const PRICED_BY_TOKENS: ReadonlySet<string> = new Set(['embeddings', 'moderations'])

/** Counting, and looking after files and batches; beginning a batch is paid for. */
export function isFree({ operation, asked }: Pick<Exchange, 'operation' | 'asked'>): boolean {
  return asked === undefined ? operation === 'count-tokens' : isFreeOperation(asked.spec)
}

export function isFreeOperation({ operation, method, isOnce, placedBy }: OperationSpec): boolean {
  if (operation === 'batches') return !(method === 'POST' && isOnce)
  return placedBy !== 'model'
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
  // What was told before the answer was ended for it is the truth, before any hold.
  const told = record.code === 'budget_exceeded' && usage !== undefined ? costOf(usage) : undefined
  if (told !== undefined && heldNanoUsd !== undefined && told > heldNanoUsd)
    return { basis: 'reported', usage, costNanoUsd: told }
  const counted = countedUsage(usage, textBytes, ask)
  const costNanoUsd = costOf(counted)
  return { basis: 'counted', usage: counted, costNanoUsd: atMost(costNanoUsd, heldNanoUsd) }
}

/** What was reported before the break counts, and what came as text where that is more. */
export function countedUsage(usage: Usage | undefined, textBytes: number, ask: AttemptAsk): Usage {
  const outputTokens = Math.max(usage?.outputTokens ?? 0, Math.ceil(textBytes / TEXT_BYTES_A_TOKEN))
  const inputTokens = usage?.inputTokens ?? Math.ceil(ask.inputTokensMax / TEXT_BYTES_A_TOKEN)
  return { ...usage, inputTokens, outputTokens }
}

/** An estimate never takes more than was held for the attempt. */
function atMost(costNanoUsd: NanoUsd | undefined, heldNanoUsd: NanoUsd | undefined): NanoUsd | undefined {
  if (costNanoUsd === undefined || heldNanoUsd === undefined) return costNanoUsd
  return costNanoUsd < heldNanoUsd ? costNanoUsd : heldNanoUsd
}
