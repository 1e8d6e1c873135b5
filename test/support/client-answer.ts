/**
 * What a client makes of an answer, in either dialect: read here by rules of its own, apart from the dialects room, so
 * that a test judges the gateway by what a stranger sees.
 */

export type ClientDialect = 'openai-chat' | 'anthropic-messages'

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
  /** `stop`, `length`, `end_turn`, ... as the dialect says it. */
  readonly finish: string | undefined
  readonly usage: Readonly<Record<string, unknown>> | undefined
  /** The last word of the dialect stands at the end: `[DONE]`, `message_stop`, or a body that is one JSON object. */
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
  const read = isStream ? readStream(raw, dialect) : readWhole(raw, dialect)
  return { status, headers, raw, ...read }
}

type Read = Omit<ClientAnswer, 'status' | 'headers' | 'raw'>

function readWhole(raw: string, dialect: ClientDialect): Read {
  const value = fieldsOf(JSON.parse(raw))
  const error = toldError(value)
  const hasTerminal = error === undefined
  if (dialect === 'anthropic-messages') {
    const blocks = listOf(value['content']).map(fieldsOf)
    return {
      text: blocks.map((block) => textOf(block['text'])).join(''),
      toolCalls: blocks.filter((block) => block['type'] === 'tool_use').map(toolUse),
      finish: wordOf(value['stop_reason']),
      usage: presentFields(value['usage']),
      hasTerminal,
      error,
      values: [value],
    }
  }
  const choice = fieldsOf(listOf(value['choices'])[0])
  const message = fieldsOf(choice['message'])
  return {
    text: textOf(message['content']),
    toolCalls: listOf(message['tool_calls']).map(fieldsOf).map(functionCall),
    finish: wordOf(choice['finish_reason']),
    usage: presentFields(value['usage']),
    hasTerminal,
    error,
    values: [value],
  }
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
  return dialect === 'openai-chat'
    ? { ...foldChunks(values), hasTerminal: last === '[DONE]', error, values }
    : { ...foldEvents(values), hasTerminal: values.at(-1)?.['type'] === 'message_stop', error, values }
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

function toldError(value: Fields): ToldError | undefined {
  const error = presentFields(value['error'])
  if (error === undefined) return undefined
  const own = fieldsOf(error['holdfast'])
  return {
    type: textOf(error['type']),
    code: textOf(own['type']),
    message: textOf(error['message']),
    param: error['param'],
    isPartial: own['partial'] === true,
    // Sound enough for tests: the gateway writes these fields and nobody else.
    attempts: listOf(own['attempts']) as ToldError['attempts'],
  }
}

function toolUse(block: Fields): SaidToolCall {
  return {
    id: textOf(block['id']),
    name: textOf(block['name']),
    arguments: JSON.stringify(block['input'] ?? {}),
  }
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
