/** A kept answer read, and said again in another form: a stream for a client that streams, a whole for one that waits. */

import { createFold } from '../canonical/fold.ts'
import type { InferenceResult } from '../canonical/result.ts'
import { unfold } from '../canonical/unfold.ts'
import type { Dialect, WriteAnswerOptions } from '../dialects/dialect.ts'
import type { Exchange } from '../execution/exchange.ts'
import { arrayOf, parseJson } from '../std/json.ts'
import { encodeSse } from '../wire/sse.ts'
import { type AnswerForm, answerForm } from './answer-form.ts'
import type { KeptReply } from './kept-reply.ts'

export interface SaidAnswer {
  readonly contentType: string
  readonly body: Uint8Array
}

/** What the answer says; `undefined` where it is not whole, or not to be understood. */
export function readAnswer(
  dialect: Dialect,
  { form, body }: { readonly form: string; readonly body: Uint8Array },
  candidates: number,
): InferenceResult | undefined {
  try {
    return form === 'plain' ? dialect.readResult(body) : readEvents(dialect, framed(form, body), candidates)
  } catch {
    return undefined
  }
}

/** The answer as this request wants it; `undefined` where it cannot be said so. */
export function sayAgain(kept: KeptReply, exchange: Exchange): SaidAnswer | undefined {
  const to = answerForm(exchange.envelope)
  if (kept.form === to) return kept
  try {
    return to === 'plain' ? sayPlain(kept, exchange) : sayStreamed(kept, exchange, to)
  } catch {
    return undefined
  }
}

function sayPlain(kept: KeptReply, exchange: Exchange): SaidAnswer | undefined {
  const { dialect, envelope } = exchange
  const body = foldAsItIs(kept, dialect, envelope.candidateCount) ?? foldAnew(kept, exchange)
  return body && { contentType: 'application/json', body }
}

/** The dialect's own folding keeps what our language has no word for; it needs the usage in the stream. */
function foldAsItIs(
  { form, body, usage }: KeptReply,
  dialect: Dialect,
  candidates: number,
): Uint8Array | undefined {
  const folder = dialect.createFolder({ candidates })
  folder.read(framed(form, body))
  folder.end()
  const { facts } = folder
  if (!facts.isComplete || (facts.usage === undefined && usage !== undefined)) return undefined
  return folder.result()
}

function foldAnew(kept: KeptReply, exchange: Exchange): Uint8Array | undefined {
  const result = resultOf(kept, exchange)
  return result && Buffer.from(exchange.dialect.writeResult(result, optionsOf(kept, exchange)).body)
}

function sayStreamed(kept: KeptReply, exchange: Exchange, to: AnswerForm): SaidAnswer | undefined {
  const result = resultOf(kept, exchange)
  if (result === undefined) return undefined
  const writer = exchange.dialect.createStreamWriter(optionsOf(kept, exchange))
  let text = ''
  for (const event of unfold(result)) text += writer.write(event)
  text += writer.end()
  return { contentType: to === 'json-array' ? JSON_STREAM : EVENT_STREAM, body: Buffer.from(text) }
}

const EVENT_STREAM = 'text/event-stream; charset=utf-8'
const JSON_STREAM = 'application/json; charset=utf-8'

function resultOf(kept: KeptReply, { dialect, envelope }: Exchange): InferenceResult | undefined {
  const result = readAnswer(dialect, kept, envelope.candidateCount)
  const { usage } = kept
  return result === undefined || result.usage !== undefined || usage === undefined
    ? result
    : { ...result, usage }
}

/** The answer keeps its id, its model and its time. */
function optionsOf(
  { exchangeId, createdAtMs }: KeptReply,
  { dialect, envelope, body }: Exchange,
): WriteAnswerOptions {
  const { streamForm, modelId, wantsStreamUsage } = envelope
  const echo = dialect.readEcho?.(body)
  return {
    responseId: exchangeId,
    modelId,
    createdAtS: Math.floor(createdAtMs / 1_000),
    wantsUsage: wantsStreamUsage,
    ...(streamForm === undefined ? {} : { streamForm }),
    ...(echo === undefined ? {} : { echo }),
  }
}

function readEvents(dialect: Dialect, body: Uint8Array, candidates: number): InferenceResult | undefined {
  const reader = dialect.createStreamReader({ candidates })
  const events = [...reader.read(body), ...reader.end()]
  if (!reader.isComplete || reader.anomalies > 0) return undefined
  const fold = createFold()
  for (const event of events) {
    if (event.type === 'error') return undefined
    fold.add(event)
  }
  return fold.result()
}

/** A stream that travelled as one array is read as events, as it came from its provider. */
function framed(form: string, body: Uint8Array): Uint8Array {
  if (form !== 'json-array') return body
  const items = arrayOf(parseJson(Buffer.from(body).toString()))
  return Buffer.from(items.map((item) => encodeSse(JSON.stringify(item))).join(''))
}
