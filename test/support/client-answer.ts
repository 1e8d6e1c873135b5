/**
 * What a client makes of an answer, in any dialect that clients speak: read here by rules of its own, apart from the
 * dialects room, so that a test judges the gateway by what a stranger sees.
 */

/** The two dialects that most tests are told in. */
export type FirstDialect = 'openai-chat' | 'anthropic-messages'
export type ClientDialect = FirstDialect | 'openai-responses' | 'gemini'

export interface ToldError {
  /** In the words of the dialect. */
  readonly type: string
  /** The gateway's own code. */
  readonly code: string
  readonly message: string
  readonly param: unknown
  readonly isPartial: boolean
  readonly attempts: readonly { readonly target: string; readonly code?: string; readonly status?: number }[]
}

export interface SaidToolCall {
  readonly id: string
  readonly name: string
  readonly arguments: string
}

export interface ClientAnswer {
  readonly status: number
  readonly headers: Headers
  /** The body as it came. */
  readonly raw: string
  /** The text of the first candidate. */
  readonly text: string
  readonly toolCalls: readonly SaidToolCall[]
  /** `stop`, `length`, `end_turn`, `completed`, `STOP`, ... as the dialect says it. */
  readonly finish: string | undefined
  readonly usage: Readonly<Record<string, unknown>> | undefined
  /** The last word of the dialect stands at the end: `[DONE]`, `message_stop`, `response.completed`, a last `finishReason`, or a body that is one JSON object. */
  readonly hasTerminal: boolean
  readonly error: ToldError | undefined
  /** The data of every event, or the one body, parsed. */
  readonly values: readonly Fields[]
}

type Fields = Readonly<Record<string, unknown>>

/** Reads an HTTP response to its end. */
export async function readAnswer(response: Response, dialect: ClientDialect): Promise<ClientAnswer> {
  const raw = await response.text()
  const { status, headers } = response
  const isStream = (headers.get('content-type') ?? '').startsWith('text/event-stream')
  const isArray = dialect === 'gemini' && raw.trimStart().startsWith('[')
  const read = isStream
    ? readStream(raw, dialect)
    : isArray
      ? readChunks(listOf(JSON.parse(raw)).map(fieldsOf))
      : readWhole(raw, dialect)
  return { status, headers, raw, ...read }
}

type Read = Omit<ClientAnswer, 'status' | 'headers' | 'raw'>

function readWhole(raw: string, dialect: ClientDialect): Read {
  const value = fieldsOf(JSON.parse(raw))
  const error = toldError(value)
  return { ...wholeAnswer(value, dialect), hasTerminal: error === undefined, error, values: [value] }
}

type Said = Pick<Read, 'text' | 'toolCalls' | 'finish' | 'usage'>

function wholeAnswer(value: Fields, dialect: ClientDialect): Said {
  switch (dialect) {
    case 'openai-chat':
      return wholeCompletion(value)
    case 'anthropic-messages':
      return wholeMessage(value)
    case 'openai-responses':
      return wholeResponse(value)
    case 'gemini':
      return foldCandidates([value])
  }
}

function wholeMessage(value: Fields): Said {
  const blocks = listOf(value['content']).map(fieldsOf)
  return {
    text: blocks.map((block) => textOf(block['text'])).join(''),
    toolCalls: blocks.filter((block) => block['type'] === 'tool_use').map(toolUse),
    finish: wordOf(value['stop_reason']),
    usage: presentFields(value['usage']),
  }
}

function wholeCompletion(value: Fields): Said {
  const choice = fieldsOf(listOf(value['choices'])[0])
  const message = fieldsOf(choice['message'])
  return {
    text: textOf(message['content']),
    toolCalls: listOf(message['tool_calls']).map(fieldsOf).map(functionCall),
    finish: wordOf(choice['finish_reason']),
    usage: presentFields(value['usage']),
  }
}

/** `completed`, or the reason why it is not. */
function wholeResponse(value: Fields): Said {
  const items = listOf(value['output']).map(fieldsOf)
  const parts = items.flatMap((item) => listOf(item['content']).map(fieldsOf))
  return {
    text: parts.map((part) => (part['type'] === 'output_text' ? textOf(part['text']) : '')).join(''),
    toolCalls: items.filter((item) => item['type'] === 'function_call').map(functionCallItem),
    finish: wordOf(fieldsOf(value['incomplete_details'])['reason']) ?? wordOf(value['status']),
    usage: presentFields(value['usage']),
  }
}

/** The pieces of a stream have the shape of the whole, so that one reader serves both. */
function foldCandidates(values: readonly Fields[]): Said {
  let finish: string | undefined
  let usage: Fields | undefined
  let text = ''
  const toolCalls: SaidToolCall[] = []
  for (const value of values) {
    usage = presentFields(value['usageMetadata']) ?? usage
    finish = wordOf(fieldsOf(value['promptFeedback'])['blockReason']) ?? finish
    for (const candidate of listOf(value['candidates']).map(fieldsOf)) {
      if ((candidate['index'] ?? 0) !== 0) continue
      finish = wordOf(candidate['finishReason']) ?? finish
      for (const part of listOf(fieldsOf(candidate['content'])['parts']).map(fieldsOf)) {
        if (part['thought'] !== true) text += textOf(part['text'])
        const call = presentFields(part['functionCall'])
        if (call) toolCalls.push(geminiCall(call))
      }
    }
  }
  return { text, finish, usage, toolCalls }
}

/** Gemini has no marker at the end: its last word is a reason to finish. */
function readChunks(values: readonly Fields[]): Read {
  const said = foldCandidates(values)
  const error = values.map(toldError).find((told) => told !== undefined)
  return { ...said, hasTerminal: error === undefined && said.finish !== undefined, error, values }
}

function readStream(raw: string, dialect: ClientDialect): Read {
  const datas = raw
    .split(/\r\n\r\n|\n\n|\r\r/)
    .map((event) =>
      event
        .split(/\r\n|\n|\r/)
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).replace(/^ /, ''))
        .join('\n'),
    )
    .filter((data) => data !== '')
  const last = datas.at(-1)
  const values = datas.filter((data) => data !== '[DONE]').map((data) => fieldsOf(JSON.parse(data)))
  const error = values.map(toldError).find((told) => told !== undefined)
  const lastType = wordOf(values.at(-1)?.['type'])
  switch (dialect) {
    case 'openai-chat':
      return { ...foldChunks(values), hasTerminal: last === '[DONE]', error, values }
    case 'anthropic-messages':
      return { ...foldEvents(values), hasTerminal: lastType === 'message_stop', error, values }
    case 'openai-responses': {
      const hasTerminal = lastType === 'response.completed' || lastType === 'response.incomplete'
      return { ...foldResponse(values), hasTerminal, error, values }
    }
    case 'gemini':
      return readChunks(values)
  }
}

/** The text as it was streamed; the rest as the last event tells it, or as the items were finished where there is none. */
function foldResponse(values: readonly Fields[]): Said {
  const deltas = values.filter((value) => value['type'] === 'response.output_text.delta')
  const items = values.filter((value) => value['type'] === 'response.output_item.done')
  const last = fieldsOf(values.at(-1)?.['response'])
  const whole = wholeResponse(last)
  return {
    ...whole,
    text: deltas.map((value) => textOf(value['delta'])).join(''),
    toolCalls: items
      .map((value) => fieldsOf(value['item']))
      .filter((item) => item['type'] === 'function_call')
      .map(functionCallItem),
  }
}

function foldChunks(values: readonly Fields[]) {
  let text = ''
  let finish: string | undefined
  let usage: Fields | undefined
  const calls = new Map<unknown, { id: string; name: string; arguments: string }>()
  for (const value of values) {
    usage = presentFields(value['usage']) ?? usage
    for (const choice of listOf(value['choices']).map(fieldsOf)) {
      if ((choice['index'] ?? 0) !== 0) continue
      finish = wordOf(choice['finish_reason']) ?? finish
      const delta = fieldsOf(choice['delta'])
      text += textOf(delta['content'])
      for (const piece of listOf(delta['tool_calls']).map(fieldsOf)) {
        const call = calls.get(piece['index']) ?? { id: '', name: '', arguments: '' }
        const said = functionCall(piece)
        call.id ||= said.id
        call.name ||= said.name
        call.arguments += said.arguments
        calls.set(piece['index'], call)
      }
    }
  }
  return { text, finish, usage, toolCalls: [...calls.values()] }
}

function foldEvents(values: readonly Fields[]) {
  let text = ''
  let finish: string | undefined
  let usage: Fields | undefined
  const calls = new Map<unknown, { id: string; name: string; arguments: string }>()
  for (const value of values) {
    const delta = fieldsOf(value['delta'])
    usage = mergedUsage(usage, fieldsOf(value['message'])['usage'], value['usage'])
    const block = fieldsOf(value['content_block'])
    if (block['type'] === 'tool_use') {
      calls.set(value['index'], { ...toolUse(block), arguments: '' })
    }
    text += textOf(block['text']) + textOf(delta['text'])
    finish = wordOf(delta['stop_reason']) ?? finish
    const call = calls.get(value['index'])
    if (call) call.arguments += textOf(delta['partial_json'])
  }
  return { text, finish, usage, toolCalls: [...calls.values()] }
}

function mergedUsage(known: Fields | undefined, ...later: readonly unknown[]): Fields | undefined {
  const added = later.map(presentFields).filter((one) => one !== undefined)
  return added.length === 0 ? known : Object.assign({}, known, ...added)
}

/** An error stands in `error`, in a response that has failed, or is itself the event. */
function toldError(value: Fields): ToldError | undefined {
  const isErrorEvent = value['type'] === 'error' && value['error'] === undefined
  const inner = presentFields(value['error']) ?? presentFields(fieldsOf(value['response'])['error'])
  const error = inner ?? (isErrorEvent ? value : undefined)
  if (error === undefined) return undefined
  const own = ownFacts(error, value)
  return {
    type: wordOf(error['type']) ?? wordOf(error['status']) ?? textOf(error['code']),
    code: textOf(own['type']),
    message: textOf(error['message']),
    param: error['param'],
    isPartial: own['partial'] === true,
    // Sound enough for tests: the gateway writes these fields and nobody else.
    attempts: listOf(own['attempts']) as ToldError['attempts'],
  }
}

/** What the gateway adds: a member of the error or beside it, or one of Google's details. */
function ownFacts(error: Fields, around: Fields): Fields {
  const details = listOf(error['details']).map((detail) => presentFields(fieldsOf(detail)['holdfast']))
  const [inDetails] = details.filter((detail) => detail !== undefined)
  return presentFields(error['holdfast']) ?? inDetails ?? fieldsOf(around['holdfast'])
}

function toolUse(block: Fields): SaidToolCall {
  return {
    id: textOf(block['id']),
    name: textOf(block['name']),
    arguments: JSON.stringify(block['input'] ?? {}),
  }
}

function functionCallItem(item: Fields): SaidToolCall {
  return { id: textOf(item['call_id']), name: textOf(item['name']), arguments: textOf(item['arguments']) }
}

/** A call of Gemini may have no id. */
function geminiCall(call: Fields): SaidToolCall {
  return { id: textOf(call['id']), name: textOf(call['name']), arguments: JSON.stringify(call['args'] ?? {}) }
}

function functionCall(call: Fields): SaidToolCall {
  const called = fieldsOf(call['function'])
  return { id: textOf(call['id']), name: textOf(called['name']), arguments: textOf(called['arguments']) }
}

function presentFields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? // Sound: an object that is no array has named members of unknown types.
      (value as Fields)
    : undefined
}

function fieldsOf(value: unknown): Fields {
  return presentFields(value) ?? {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
