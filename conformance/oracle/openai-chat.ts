/** What a recorded answer of OpenAI's chat API, or of one of its many speakers, says. */

import { countOf, type Fields, fieldsOf, isSaid, listOf, parsed, textOf } from './json.ts'
import {
  AnswerDraft,
  type CallDraft,
  type CandidateDraft,
  type ErrorReading,
  type FinishKind,
  type UsageReading,
  type Verdict,
} from './reading.ts'
import { serverEvents } from './server-events.ts'

const finishKinds: Readonly<Record<string, FinishKind>> = {
  stop: 'stop',
  eos: 'stop',
  length: 'length',
  max_tokens: 'length',
  tool_calls: 'tool-calls',
  tool_call: 'tool-calls',
  function_call: 'tool-calls',
  content_filter: 'content-filter',
  refusal: 'refusal',
  error: 'error',
}

export function openaiChatPlain(body: unknown): Verdict {
  const answer = fieldsOf(body)
  const error = errorOf(answer)
  if (error !== undefined) return { kind: 'error', error }
  const choices = listOf(answer['choices'])
  if (choices.length === 0) return { kind: 'none', reason: 'no choices' }
  const draft = new AnswerDraft()
  choices.forEach((value, place) => {
    const choice = fieldsOf(value)
    const reader = new ChoiceReader(draft.candidate(Number(choice['index'] ?? place)))
    reader.addMessage(fieldsOf(choice['message'] ?? choice['delta']))
    reader.addEnd(choice)
    reader.draft.citations += listOf(answer['citations']).length
    reader.close()
  })
  draft.usage = chatUsage(fieldsOf(answer['usage']))
  return draft.verdictOfPlain()
}

export function openaiChatStream(text: string): Verdict {
  const draft = new AnswerDraft()
  const readers = new Map<number, ChoiceReader>()
  let links = 0
  for (const { event, data } of serverEvents(text)) {
    const chunk = fieldsOf(parsed(data))
    const error = errorOf(event === 'error' && !isSaid(chunk['error']) ? { error: chunk } : chunk)
    // After the end there is nothing left to fail: OpenRouter reports a spent limit after a finish that says so.
    const isOver = draft.candidates.length > 0 && draft.candidates.every(({ finish }) => finish !== undefined)
    if (error !== undefined && !isOver) return { kind: 'error', error }
    for (const value of listOf(chunk['choices'])) {
      const choice = fieldsOf(value)
      const index = Number(choice['index'] ?? 0)
      const reader = readers.get(index) ?? new ChoiceReader(draft.candidate(index))
      readers.set(index, reader)
      reader.addMessage(fieldsOf(choice['delta'] ?? choice['message']))
      reader.addEnd(choice)
    }
    links = Math.max(links, listOf(chunk['citations']).length)
    draft.usage =
      chatUsage(fieldsOf(chunk['usage'])) ??
      chatUsage(fieldsOf(fieldsOf(chunk['x_groq'])['usage'])) ??
      draft.usage
  }
  for (const reader of readers.values()) {
    reader.draft.citations += links
    reader.close()
  }
  return draft.verdictOfStream()
}

function errorOf(answer: Fields): ErrorReading | undefined {
  const own = answer['error'] ?? listOf(answer['choices']).map((choice) => fieldsOf(choice)['error'])[0]
  if (!isSaid(own)) return undefined
  const error = fieldsOf(own)
  const { status_code: status, code } = error
  return {
    status: typeof status === 'number' ? status : typeof code === 'number' ? code : 200,
    type: textOf(error['type']),
    code: typeof code === 'number' ? '' : textOf(code),
    message: textOf(error['message']) || textOf(own),
  }
}

/** Where reasoning may stand, best first; two of them carry the same words. */
const reasoningHomes = ['reasoning_content', 'reasoning', 'reasoning_text', 'reasoning_details', 'content']

class ChoiceReader {
  readonly draft: CandidateDraft
  readonly #reasoning = new Map<string, string>()

  constructor(draft: CandidateDraft) {
    this.draft = draft
  }

  addMessage(message: Fields): void {
    const { content } = message
    if (typeof content === 'string') this.draft.text += content
    for (const part of listOf(content)) this.#addPart(fieldsOf(part))
    this.draft.refusal += textOf(message['refusal'])
    for (const home of reasoningHomes.slice(0, 3)) this.#addReasoning(home, textOf(message[home]))
    for (const value of listOf(message['reasoning_details'])) this.#addDetail(fieldsOf(value))
    listOf(message['tool_calls']).forEach((call) => addCallPiece(this.draft, fieldsOf(call)))
    if (
      isSaid(fieldsOf(message['function_call'])['name']) ||
      isSaid(fieldsOf(message['function_call'])['arguments'])
    ) {
      addCallPiece(this.draft, { index: -1, function: message['function_call'] })
    }
    this.draft.citations += listOf(message['annotations']).length
    if (isSaid(fieldsOf(message['audio'])['id']) || isSaid(fieldsOf(message['audio'])['data']))
      this.draft.others += 1
    this.draft.others += listOf(message['images']).length
  }

  addEnd(choice: Fields): void {
    this.draft.logprobs += listOf(fieldsOf(choice['logprobs'])['content']).length
    const word = textOf(choice['finish_reason']).toLowerCase()
    if (word !== '') this.draft.finish = finishKinds[word] ?? 'other'
  }

  close(): void {
    for (const home of reasoningHomes) this.draft.reasoning ||= this.#reasoning.get(home) ?? ''
  }

  #addReasoning(home: string, text: string): void {
    if (text !== '') this.#reasoning.set(home, (this.#reasoning.get(home) ?? '') + text)
  }

  #addDetail(detail: Fields): void {
    this.#addReasoning('reasoning_details', textOf(detail['text'] ?? detail['summary']))
    if (isSaid(detail['signature']) || isSaid(detail['data'])) this.draft.proofs += 1
  }

  /** Mistral mixes thinking with text. */
  #addPart(part: Fields): void {
    const { type, thinking } = part
    if (type === 'thinking') {
      const pieces = listOf(thinking).map((piece) => textOf(fieldsOf(piece)['text']))
      this.#addReasoning('content', textOf(thinking) || pieces.join(''))
    } else if (type === 'refusal') this.draft.refusal += textOf(part['refusal'])
    else if (typeof part['text'] === 'string') this.draft.text += part['text']
    else if (type !== 'reference') this.draft.others += 1
  }
}

/** A piece belongs to the call of its number, else of its id, else to the last one; a name without either begins a call. */
function addCallPiece(draft: CandidateDraft, piece: Fields): void {
  const { index } = piece
  const custom = piece['custom']
  const call = fieldsOf(piece['function'] ?? custom)
  const id = textOf(piece['id'])
  const name = textOf(call['name'])
  const value = call['arguments'] ?? call['input']
  const written = typeof value === 'string' ? value : isSaid(value) ? JSON.stringify(value) : ''
  if (index === undefined && id === '' && name === '' && written === '') return
  const found = findCall(draft.calls, { index, id, name })
  if (found === undefined) {
    const isCustom = piece['type'] === 'custom' || (isSaid(custom) && !isSaid(piece['function']))
    draft.calls.push({ key: `${String(index)}/${id}`, name, written, isCustom })
  } else {
    found.name ||= name
    found.written += written
  }
}

function findCall(
  calls: readonly CallDraft[],
  { index, id, name }: { readonly index: unknown; readonly id: string; readonly name: string },
): CallDraft | undefined {
  const idOf = (call: CallDraft) => call.key.slice(call.key.indexOf('/') + 1)
  if (typeof index === 'number') {
    const same = calls.findLast(({ key }) => key.startsWith(`${index}/`))
    const isOther = same !== undefined && name !== '' && id !== '' && idOf(same) !== '' && idOf(same) !== id
    return isOther ? undefined : same
  }
  if (id !== '') return calls.find((call) => idOf(call) === id)
  return name === '' ? calls.at(-1) : undefined
}

/** xAI counts reasoning outside of the completion, Google only in the total; the output of an answer holds both. */
export function chatUsage(usage: Fields): UsageReading | undefined {
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = usage
  if (typeof prompt !== 'number' && typeof completion !== 'number') return undefined
  const input = countOf(prompt)
  const said = countOf(completion)
  const details = fieldsOf(usage['completion_tokens_details'])
  const reasoning = details['reasoning_tokens'] ?? usage['reasoning_tokens']
  const rest =
    typeof total === 'number' && typeof completion === 'number' ? Math.max(0, total - input - said) : 0
  const hidden = typeof reasoning !== 'number' ? rest : hiddenReasoning(countOf(reasoning), said, rest)
  const promptDetails = fieldsOf(usage['prompt_tokens_details'])
  const cached = countOf(
    promptDetails['cached_tokens'] ??
      usage['prompt_cache_hit_tokens'] ??
      usage['cached_tokens'] ??
      usage['cache_read_input_tokens'],
  )
  const written = countOf(
    promptDetails['cache_write_tokens'] ??
      promptDetails['cache_creation_tokens'] ??
      usage['cache_creation_input_tokens'],
  )
  return {
    input,
    output: said + hidden,
    cacheRead: cached > input ? 0 : cached,
    cacheWrite: written > input ? 0 : written,
    reasoning: typeof reasoning === 'number' ? countOf(reasoning) : hidden,
  }
}

function hiddenReasoning(reasoning: number, said: number, rest: number): number {
  if (reasoning === 0) return 0
  if (rest > 0) return Math.min(rest, reasoning)
  return reasoning > said ? reasoning : 0
}
