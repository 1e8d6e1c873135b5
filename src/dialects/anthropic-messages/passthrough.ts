/**
 * Lets a stream of this dialect through to a client of this dialect, reading quietly: whole events travel as the bytes
 * they came in. Left out are broken events, what comes after the end, and errors, which the caller says in our words.
 */

import type { Usage } from '../../canonical/usage.ts'
import { joinSlices } from '../../wire/bytes.ts'
import { encodeSse } from '../../wire/sse.ts'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import type { Passthrough, PassthroughOptions, StreamFacts } from '../dialect.ts'
import { StreamWatch } from './stream-facts.ts'
import { type WireEvent, WireEvents } from './wire-events.ts'

/** Usage is part of every stream of this dialect, so there is none to hide. */
export function createPassthrough(options: Pick<PassthroughOptions, 'onState' | 'onText'> = {}): Passthrough {
  return new MessagesPassthrough(options)
}

class MessagesPassthrough implements Passthrough {
  readonly #events = new WireEvents()
  readonly #watch: StreamWatch
  readonly #onState: PassthroughOptions['onState']

  constructor({ onState, onText }: Pick<PassthroughOptions, 'onState' | 'onText'>) {
    this.#onState = onState
    this.#watch = new StreamWatch(this.#events, onText)
  }

  read(chunk: Uint8Array): Uint8Array {
    return this.#passOn(this.#events.read(chunk))
  }

  end(): Uint8Array {
    const rest = this.#passOn(this.#events.end())
    const { isComplete, isTerminated } = this.#events
    return isComplete && !isTerminated ? Buffer.concat([rest, MESSAGE_STOP]) : rest
  }

  cutShort({ outputTokens = 0 }: Usage): Uint8Array {
    const stops = this.#watch.openBlocks.map((index) => ({ type: 'content_block_stop', index }))
    const delta = { stop_reason: 'max_tokens', stop_sequence: null }
    const end = { type: 'message_delta', delta, usage: { output_tokens: outputTokens } }
    const events = [...stops, end].map((event) => encodeSse(JSON.stringify(event), event.type))
    return Buffer.concat([Buffer.from(events.join('')), MESSAGE_STOP])
  }

  get facts(): StreamFacts {
    return this.#watch
  }

  #passOn(events: readonly WireEvent[]): Uint8Array {
    for (const event of events) this.#watch.note(event)
    if (this.#onState) for (const { value } of events) tellState(value, this.#onState)
    return joinSlices(events.map(framed))
  }
}

/** Signatures come in a delta of their own, or whole with their block; encrypted thinking comes with its block. */
function tellState({ content_block: block, delta }: JsonObject, tell: (state: string) => void): void {
  const carrier = isJsonObject(delta) ? delta : block
  if (!isJsonObject(carrier)) return
  const { signature } = carrier
  const state = carrier['type'] === 'redacted_thinking' ? carrier['data'] : signature
  if (typeof state === 'string' && state !== '') tell(state)
}

const MESSAGE_STOP = Buffer.from(encodeSse('{"type":"message_stop"}', 'message_stop'))

/** Anthropic's SDK drops events without an event line without a word, so one that lacks it gets it. */
function framed({ type, sse }: WireEvent): Uint8Array {
  if (sse.name !== 'message' || type === 'message') return sse.raw
  const line = `event: ${type.replaceAll(/[\r\n]/g, ' ')}\n`
  return Buffer.concat([Buffer.from(line), sse.raw])
}
