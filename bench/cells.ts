/** What is measured: the cells of the table, and the request of each. */

/** `openai`: chat completions. `responses`: OpenAI's Responses API. */
export type BenchDialect = 'openai' | 'anthropic' | 'responses' | 'gemini'

export const benchDialects: readonly BenchDialect[] = ['openai', 'anthropic', 'responses', 'gemini']

export interface Cell {
  readonly name: string
  /** What the client speaks, and what the upstream speaks. */
  readonly client: BenchDialect
  readonly upstream: BenchDialect
  readonly requestBytes: number
  readonly answer: Answer
  /** Only the gateway and the bare relay take part. */
  readonly isForUsAlone?: true
}

/**
 * `plain`: one JSON body. `burst`: a stream as fast as it can be written, where reading it costs most beside the system
 * calls. `paced`: a stream with pauses, as models make it, where every chunk wakes the gateway.
 */
export type Answer = 'plain' | 'burst' | 'paced'

/** Content events of a streamed answer. */
export const streamChunks = 50
/** A model whose stream begins and then stays open. */
export const holdModel = 'bench-hold'
/** A model whose stream pauses after every chunk. */
export const pacedModel = 'bench-paced'
export const PACE_MS = 4
/** A model that takes its time before a plain answer: sooner than any that is known. */
export const slowModel = 'bench-slow'
export const SLOW_MS = 20

const pairs = [
  { label: 'passthrough', client: 'openai', upstream: 'openai' },
  { label: 'openai to anthropic', client: 'openai', upstream: 'anthropic' },
  { label: 'anthropic to openai', client: 'anthropic', upstream: 'openai' },
] as const

const sizes = [
  { requestBytes: 1_024, answers: ['plain', 'burst', 'paced'] },
  { requestBytes: 51_200, answers: ['plain', 'burst'] },
] as const

const answerNames: Readonly<Record<Answer, string>> = {
  plain: 'plain',
  burst: `${streamChunks} chunks`,
  paced: `${streamChunks} paced chunks`,
}

const closelyLookedAt: readonly Cell[] = pairs.flatMap(({ label, client, upstream }) =>
  sizes.flatMap(({ requestBytes, answers }) =>
    answers.map((answer) => ({
      name: `${label}, ${requestBytes / 1_024} KB, ${answerNames[answer]}`,
      client,
      upstream,
      requestBytes,
      answer,
    })),
  ),
)

/** Every other pair of dialects, by the one cell that says most of what translating costs. */
const everyOtherPair: readonly Cell[] = benchDialects.flatMap((client) =>
  benchDialects.flatMap((upstream) =>
    pairs.some((pair) => pair.client === client && pair.upstream === upstream)
      ? []
      : [
          {
            name: `${client === upstream ? `passthrough of ${client}` : `${client} to ${upstream}`}, 1 KB, ${answerNames.burst}`,
            client,
            upstream,
            requestBytes: 1_024,
            answer: 'burst' as const,
            isForUsAlone: true as const,
          },
        ],
  ),
)

/** Three ways of relaying in two sizes, plain and streamed; and all 16 pairs of dialects by one stream each. */
export const allCells: readonly Cell[] = [...closelyLookedAt, ...everyOtherPair]

/** The upstream's model of a cell: its name says how the answer comes. */
export function modelOf(cell: Cell): string {
  return cell.answer === 'paced' ? pacedModel : fastModel
}

/** A model that answers as fast as it can be written. */
const fastModel = 'bench-model'
/** Every model that a cell asks for. */
export const modelNames: readonly string[] = [fastModel, slowModel, pacedModel, holdModel]

/** The path a client posts to. */
export function pathOf({ client, answer }: Cell, model: string): string {
  switch (client) {
    case 'openai':
      return '/v1/chat/completions'
    case 'anthropic':
      return '/v1/messages'
    case 'responses':
      return '/v1/responses'
    case 'gemini':
      return `/v1beta/models/${model}:${answer === 'plain' ? 'generateContent' : 'streamGenerateContent?alt=sse'}`
  }
}

/** What stands near the end of every whole answer, and of no other. */
export function endingOf({ client, answer }: Cell): string {
  if (answer === 'plain') return '}'
  switch (client) {
    case 'openai':
      return '[DONE]'
    case 'anthropic':
      return 'message_stop'
    case 'responses':
      return '"total_tokens":'
    case 'gemini':
      return '"totalTokenCount":'
  }
}

/**
 * A conversation of exactly `requestBytes`. The output ceiling is small, so that a plain request goes upstream as it is
 * asked (docs/decisions/0006).
 */
export function requestBody(cell: Cell, model: string): string {
  const fields = (words: readonly string[]): string => JSON.stringify(conversation(cell, model, words))
  const turns = cell.requestBytes > 10_000 ? 21 : 3
  const empty = fields(Array.from({ length: turns }, () => ''))
  const room = cell.requestBytes - Buffer.byteLength(empty)
  const each = Math.floor(room / turns)
  return fields(
    Array.from({ length: turns }, (_, at) => prose(at === turns - 1 ? room - each * (turns - 1) : each)),
  )
}

function conversation(cell: Cell, model: string, words: readonly string[]): object {
  const stream = cell.answer === 'plain' ? {} : { stream: true }
  const isUser = (at: number) => at % 2 === 0
  switch (cell.client) {
    case 'openai':
    case 'anthropic': {
      const messages = words.map((content, at) => ({ role: isUser(at) ? 'user' : 'assistant', content }))
      return { model, max_tokens: 256, temperature: 0.7, ...stream, messages }
    }
    case 'responses': {
      const input = words.map((content, at) => ({ role: isUser(at) ? 'user' : 'assistant', content }))
      return { model, max_output_tokens: 256, temperature: 0.7, store: false, ...stream, input }
    }
    case 'gemini': {
      const contents = words.map((text, at) => ({ role: isUser(at) ? 'user' : 'model', parts: [{ text }] }))
      return { generationConfig: { maxOutputTokens: 256, temperature: 0.7 }, contents }
    }
  }
}

/** Text with the quotes and line breaks that real prompts have, each two bytes in JSON. */
function prose(bytes: number): string {
  const sentence = 'Please read the \\"report\\" and say what changed since last week.\\n'
  const escaped = sentence.repeat(Math.ceil(bytes / sentence.length)).slice(0, bytes)
  const whole = escaped.endsWith('\\') ? `${escaped.slice(0, -1)}.` : escaped
  // The text was written as JSON escapes it; parsing gives back the string whose JSON has exactly `bytes`.
  return String(JSON.parse(`"${whole}"`))
}
