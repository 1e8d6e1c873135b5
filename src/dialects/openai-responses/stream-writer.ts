/** Says an answer's events as a stream of this dialect: the official sequence, one response id, every item finished. */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { Finish } from '../../canonical/finish.ts'
import type { Citation } from '../../canonical/message.ts'
import type { Loss } from '../../canonical/loss.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { GatewayError } from '../../errors/gateway-error.ts'
import { assertNever } from '../../std/assert-never.ts'
import { arrayOf, isJsonObject, type JsonObject, type JsonValue, stringOf } from '../../std/json.ts'
import type { ErrorContext, StreamWriter, WriteAnswerOptions } from '../dialect.ts'
import { failedEvent, failedResponse } from './answer-error.ts'
import { writeAnnotation } from './citations.ts'
import { continuedMessage, type SaidBefore } from './continued-message.ts'
import { DIALECT, Losses } from './fields.ts'
import { CallDraft, type ContentDraft, type ItemPlace, MessageDraft, ReasoningDraft } from './item-drafts.ts'
import { beginResponse } from './response-object.ts'
import { Voice } from './stream-voice.ts'
import { sealProof, type SealedProof } from './sealed-reasoning.ts'
import { writeUsage } from './usage.ts'
import { responseIdOf } from './write-error.ts'
import { endOf, type ResponseEnd } from './write-finish.ts'

type EventOf<T extends InferenceEvent['type']> = Extract<InferenceEvent, { type: T }>

/** A text and the message it is part of. */
interface OpenText {
  readonly message: MessageDraft
  readonly draft: ContentDraft
}

/** A piece of reasoning that has not said anything yet: nothing is said of it before it does. */
interface OpenThought {
  readonly sourceId: string | undefined
  draft: ReasoningDraft | undefined
}

/** An answer that has no end is incomplete, and nobody said why. */
const BROKEN_OFF: Finish = { reason: 'other', raw: 'incomplete' }

export class ResponsesStreamWriter implements StreamWriter {
  readonly #options: WriteAnswerOptions
  readonly #losses = new Losses()
  readonly #voice: Voice
  /** By their place in the output; `undefined` while they grow. */
  readonly #items: (JsonObject | undefined)[] = []
  readonly #texts = new Map<number, OpenText>()
  readonly #thoughts = new Map<number, OpenThought>()
  readonly #calls = new Map<number, CallDraft>()
  readonly #callIds = new Set<string>()
  #message: MessageDraft | undefined
  #reasoning: ReasoningDraft | undefined
  #response: JsonObject | undefined
  #key = ''
  #start: Partial<EventOf<'answer-start'>> | undefined
  #logprobs: JsonValue[] = []
  #usage: Usage | undefined
  #finish: Finish | undefined
  #hasRefusal = false
  #isEnded = false
  #speaker: number | undefined

  constructor(options: WriteAnswerOptions, before?: SaidBefore) {
    this.#options = options
    this.#voice = new Voice(before?.items.nextNumber)
    if (before !== undefined) this.#goOn(before)
  }

  #goOn({ items, message, openText }: SaidBefore): void {
    const { response, whole, callIds } = items
    if (response !== undefined) this.#announceAs(response)
    this.#items.push(...whole)
    for (const id of callIds) this.#callIds.add(id)
    if (message === undefined) return
    const open = continuedMessage(message, openText !== undefined, this.#voice)
    this.#message = open.message
    if (openText !== undefined && open.draft !== undefined)
      this.#texts.set(openText, { message: open.message, draft: open.draft })
  }

  get losses(): readonly Loss[] {
    return this.#losses.all
  }

  write(event: InferenceEvent): string {
    if (this.#isOther(event)) {
      this.#losses.add('n', 'the OpenAI Responses API gives one answer')
      return ''
    }
    this.#take(event)
    return this.#voice.take()
  }

  /** The one answer is of the candidate that speaks first: some servers number their only one otherwise (fault 70). */
  #isOther(event: InferenceEvent): boolean {
    if ('candidate' in event && event.type !== 'finish') this.#speaker ??= event.candidate
    return 'candidate' in event && event.candidate !== (this.#speaker ?? 0)
  }

  /** Nothing where an answer is not whole. */
  end(): string {
    if (this.#isEnded || this.#finish === undefined) return ''
    this.#isEnded = true
    const { type } = this.#end()
    this.#begin()
    this.#closeAll()
    this.#voice.say(type, { response: this.response() })
    return this.#voice.take()
  }

  writeError(error: GatewayError, context: ErrorContext): string {
    this.#begin()
    this.#isEnded = true
    const response = { ...this.#response, output: this.#output(), ...writeUsage(this.#usage) }
    return this.#voice.take() + failedEvent(failedResponse(response, error, context), this.#voice.number)
  }

  #end(): ResponseEnd {
    return endOf(this.#finish ?? BROKEN_OFF, this.#hasRefusal)
  }

  /** The response as it is at its end. */
  response(): JsonObject {
    this.#begin()
    const { status, details } = this.#end()
    return {
      ...this.#response,
      status,
      incomplete_details: details,
      completed_at: status === 'completed' ? (this.#response?.['created_at'] ?? null) : null,
      output: this.#output(),
      ...writeUsage(this.#usage),
    }
  }

  /** Closes what is open; the items are whole from here on. */
  closeItems(): void {
    this.#begin()
    this.#closeAll()
  }

  #take(event: InferenceEvent): void {
    switch (event.type) {
      case 'answer-start':
        // The first start counts: an answer finished by another target keeps its id.
        this.#start ??= event
        return
      case 'text-start':
        return this.#openText(event.part, 'text')
      case 'refusal-start':
        return this.#openText(event.part, 'refusal')
      case 'text-delta':
      case 'refusal-delta':
        return this.#growText(event)
      case 'text-end':
        return this.#endText(event.part, event.citations ?? [], event.signature)
      case 'refusal-end':
        return this.#endText(event.part, [], undefined)
      case 'reasoning-start':
        this.#thoughts.set(event.part, { sourceId: event.id, draft: undefined })
        return
      case 'reasoning-delta':
        return this.#growThought(event)
      case 'reasoning-end':
        return this.#endThought(event)
      case 'tool-call-start':
        return this.#openCall(event)
      case 'tool-call-delta':
        if (event.argumentsDelta !== '') this.#calls.get(event.part)?.grow(event.argumentsDelta, this.#voice)
        return
      case 'tool-call-end':
        return this.#endCall(event)
      case 'opaque':
        return this.#opaque(event)
      case 'logprobs-delta':
        this.#logprobs.push(...event.content)
        return
      case 'usage-update':
        this.#usage = event.usage
        return
      case 'finish':
        this.#finish ??= event.finish
        return
      case 'error':
        // Said by `writeError`, which knows the request; nothing may follow it.
        this.#isEnded = true
        return
      default:
        return assertNever(event)
    }
  }

  /** The response is announced when there is something to say of it. */
  #begin(): void {
    if (this.#response !== undefined) return
    const { responseId, modelId, createdAtS } = this.#start ?? {}
    // An id of another dialect would not be known again as one of this.
    const id = responseId?.startsWith('resp_') ? responseId : responseIdOf(this.#options.responseId)
    this.#announceAs(
      beginResponse({
        id,
        modelId: modelId ?? this.#options.modelId,
        createdAtS: createdAtS ?? this.#options.createdAtS,
        echo: this.#options.echo ?? {},
      }),
    )
    this.#voice.say('response.created', { response: this.#response })
    this.#voice.say('response.in_progress', { response: this.#response })
  }

  /** Ids of items are made of the response's. */
  #announceAs(response: JsonObject): void {
    this.#response = response
    this.#key = (stringOf(response['id']) ?? '')
      .replace(/^resp_/, '')
      .replaceAll(/[^A-Za-z0-9]/g, '')
      .slice(0, 48)
  }

  #place(prefix: string): ItemPlace {
    this.#begin()
    const index = this.#items.length
    this.#items.push(undefined)
    return { id: `${prefix}_${this.#key}_${index}`, index }
  }

  #output(): readonly JsonObject[] {
    return this.#items.filter((item) => item !== undefined)
  }

  #openText(part: number, kind: 'text' | 'refusal'): void {
    this.#closeReasoning()
    if (kind === 'refusal') this.#hasRefusal = true
    if (this.#message === undefined || this.#message.isSealed) {
      this.#message = new MessageDraft(this.#place('msg'))
      this.#message.open(this.#voice)
    }
    this.#texts.set(part, { message: this.#message, draft: this.#message.add(kind, this.#voice) })
  }

  #growText({ part, text }: EventOf<'text-delta' | 'refusal-delta'>): void {
    if (text !== '') this.#texts.get(part)?.draft.grow(text, this.#takeLogprobs(), this.#voice)
  }

  #takeLogprobs(): readonly JsonValue[] {
    if (this.#logprobs.length === 0) return []
    const logprobs = this.#logprobs
    this.#logprobs = []
    return logprobs
  }

  #endText(part: number, citations: readonly Citation[], signature: string | undefined): void {
    const text = this.#texts.get(part)
    if (text === undefined) return
    this.#texts.delete(part)
    const { message, draft } = text
    message.settle(draft, draft.close(this.#annotations(citations), this.#takeLogprobs(), this.#voice))
    if (signature !== undefined) message.isSealed = true
    if (message.isSealed && !message.hasOpenContent) this.#closeMessage(message, false)
    if (signature !== undefined) this.#sayProof({ kind: 'text-signature', value: signature })
  }

  #annotations(citations: readonly Citation[]): readonly JsonObject[] {
    return citations.flatMap((citation) => {
      const annotation = writeAnnotation(citation)
      if (annotation !== undefined) return [annotation]
      this.#losses.add('citations', 'the OpenAI Responses API cites links and files only')
      return []
    })
  }

  #closeMessage(message: MessageDraft, isCut: boolean): void {
    if (this.#items[message.place.index] !== undefined) return
    this.#items[message.place.index] = message.close(isCut, this.#voice)
    if (this.#message === message) this.#message = undefined
  }

  /** Another kind of item begins: what is whole is closed, what still grows takes in nothing new. */
  #sealOthers(): void {
    this.#closeReasoning()
    const message = this.#message
    if (message === undefined) return
    message.isSealed = true
    if (!message.hasOpenContent) this.#closeMessage(message, false)
  }

  #growThought({ part, text }: EventOf<'reasoning-delta'>): void {
    const thought = this.#thoughts.get(part)
    if (thought === undefined || text === '') return
    this.#draftOf(thought).grow(text, this.#voice)
  }

  #draftOf(thought: OpenThought): ReasoningDraft {
    thought.draft ??= this.#continued(thought.sourceId) ?? this.#openReasoning(thought.sourceId)
    return thought.draft
  }

  /** Pieces under one id at their maker are one item, until its proof was given. */
  #continued(sourceId: string | undefined): ReasoningDraft | undefined {
    const open = this.#reasoning
    if (open === undefined || sourceId === undefined || open.sourceId !== sourceId) return undefined
    open.endPiece(this.#voice)
    return open
  }

  #openReasoning(sourceId: string | undefined): ReasoningDraft {
    this.#sealOthers()
    const draft = new ReasoningDraft(this.#place('rs'), sourceId)
    this.#reasoning = draft
    draft.open(this.#voice)
    return draft
  }

  #endThought(event: EventOf<'reasoning-end'>): void {
    const { part } = event
    const thought = this.#thoughts.get(part)
    if (thought === undefined) return
    this.#thoughts.delete(part)
    const isSaid = thought.draft !== undefined && thought.sourceId === undefined
    const sealed = this.#sealedProof(event, isSaid)
    if (sealed === undefined && thought.draft === undefined) return
    const draft = this.#draftOf(thought)
    draft.endPiece(this.#voice)
    if (sealed !== undefined) draft.encrypted = sealed
    // A proof ends its item; and what another piece has overtaken gets no more.
    if (sealed !== undefined || draft !== this.#reasoning) this.#closeDraft(draft)
  }

  /**
   * Words without proof are sealed too: some providers want them back (DeepSeek, Moonshot refuse a tool's result without
   * the reasoning that led to the call), and no other takes an item whose id it did not make.
   */
  #sealedProof(
    { signature, encrypted }: Pick<EventOf<'reasoning-end'>, 'signature' | 'encrypted'>,
    isSaid: boolean,
  ): string | undefined {
    if (encrypted !== undefined) return this.#seal({ kind: 'encrypted', value: encrypted })
    if (signature) return this.#seal({ kind: 'signature', value: signature })
    return isSaid && this.#options.origin !== undefined
      ? this.#seal({ kind: 'signature', value: '' })
      : undefined
  }

  #seal(proof: SealedProof): string | undefined {
    const sealed = sealProof(proof, this.#options.origin)
    if (sealed === undefined)
      this.#losses.add('content.signature', 'the OpenAI Responses API has no place for signatures')
    return sealed
  }

  /** A signature of something else than reasoning travels as reasoning that says nothing, after what it signs. */
  #sayProof(proof: SealedProof): void {
    const sealed = this.#seal(proof)
    if (sealed === undefined) return
    this.#sealOthers()
    const draft = new ReasoningDraft(this.#place('rs'), undefined)
    draft.open(this.#voice)
    draft.encrypted = sealed
    this.#items[draft.place.index] = draft.close(this.#voice)
  }

  #closeReasoning(): void {
    const draft = this.#reasoning
    if (draft === undefined) return
    // Reasoning that goes on beside an answer stays open till its own end.
    for (const thought of this.#thoughts.values()) if (thought.draft === draft) return
    this.#closeDraft(draft)
  }

  #closeDraft(draft: ReasoningDraft): void {
    if (this.#items[draft.place.index] !== undefined) return
    this.#items[draft.place.index] = draft.close(this.#voice)
    if (this.#reasoning === draft) this.#reasoning = undefined
  }

  #openCall({ part, id, name, kind }: EventOf<'tool-call-start'>): void {
    if (kind === 'provider') {
      this.#losses.add(
        'content.server_tool_use',
        'the OpenAI Responses API has no word for the tools of other providers',
      )
      return
    }
    this.#sealOthers()
    const isCustom = kind === 'custom'
    const place = this.#place(isCustom ? 'ctc' : 'fc')
    const call = new CallDraft(place, { callId: this.#uniqueCallId(id, place), name, isCustom })
    this.#calls.set(part, call)
    call.open(this.#voice)
  }

  /** Some servers give no id, or one twice; clients of this dialect refuse a stream that does. */
  #uniqueCallId(id: string, place: ItemPlace): string {
    const unique = id === '' || this.#callIds.has(id) ? `call_${place.id}` : id
    this.#callIds.add(unique)
    return unique
  }

  #endCall({ part, signature }: EventOf<'tool-call-end'>): void {
    const call = this.#calls.get(part)
    if (call === undefined) return
    this.#calls.delete(part)
    this.#items[call.place.index] = call.close(this.#voice)
    if (signature === undefined) return
    this.#sayProof({ kind: 'call-signature', value: signature, callId: call.call.callId })
  }

  #opaque({ dialect, value }: EventOf<'opaque'>): void {
    if (dialect !== DIALECT) {
      const type = stringOf(value['type']) ?? 'part'
      this.#losses.add(`content.${type}`, 'only the dialect it came from knows this kind of content')
      return
    }
    this.#sealOthers()
    const place = this.#place('item')
    const item = { ...value, id: stringOf(value['id']) ?? place.id }
    this.#voice.say('response.output_item.added', { output_index: place.index, item })
    this.#voice.say('response.output_item.done', { output_index: place.index, item })
    this.#items[place.index] = item
  }

  /** What a reader left open; and the message, which waits for more to the last. */
  #closeAll(): void {
    const isCut = this.#end().status === 'incomplete'
    for (const part of this.#texts.keys()) this.#endText(part, [], undefined)
    for (const [part, call] of this.#calls) {
      this.#calls.delete(part)
      this.#items[call.place.index] = call.close(this.#voice)
    }
    for (const { draft } of this.#thoughts.values()) if (draft !== undefined) this.#closeDraft(draft)
    this.#thoughts.clear()
    this.#closeReasoning()
    if (this.#message !== undefined) this.#closeMessage(this.#message, isCut)
    this.#placeLogprobs()
  }

  /** Probabilities that came after their text was closed stand in the last event beside it. */
  #placeLogprobs(): void {
    const logprobs = this.#takeLogprobs()
    const index = this.#items.findLastIndex((item) => item?.['type'] === 'message')
    const message = logprobs.length === 0 ? undefined : this.#items[index]
    const content = arrayOf(message?.['content']).filter(isJsonObject)
    const at = content.findLastIndex(({ type }) => type === 'output_text')
    if (message === undefined || at < 0) return
    this.#items[index] = {
      ...message,
      content: content.map((part, place) => (place === at ? { ...part, logprobs } : part)),
    }
  }
}
