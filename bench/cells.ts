/** What is measured: the cells of the table, and the request of each. */

export type ClientDialect = 'openai' | 'anthropic'

export interface Cell {
  readonly name: string
  /** What the client speaks, and what the upstream speaks. */
  readonly client: ClientDialect
  readonly upstream: ClientDialect
  readonly requestBytes: number
  readonly answer: Answer
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

/** Every cell: three ways of relaying, two sizes, plain and streamed. */
export const allCells: readonly Cell[] = pairs.flatMap(({ label, client, upstream }) =>
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

/** The upstream's model of a cell: its name says how the answer comes. */
export function modelOf(cell: Cell): string {
  return cell.answer === 'paced' ? pacedModel : 'bench-model'
}

/** The path a client of this dialect posts to. */
export function pathOf(dialect: ClientDialect): string {
  return dialect === 'openai' ? '/v1/chat/completions' : '/v1/messages'
}

/**
 * A conversation of exactly `requestBytes`. The output ceiling is small, so that a plain request goes upstream as it is
 * asked (docs/decisions/0006).
 */
export function requestBody(cell: Cell, model: string): string {
  const fields = (words: readonly string[]): string =>
    JSON.stringify({
      model,
      max_tokens: 256,
      temperature: 0.7,
      ...(cell.answer === 'plain' ? {} : { stream: true }),
      messages: words.map((content, at) => ({ role: at % 2 === 0 ? 'user' : 'assistant', content })),
    })
  const turns = cell.requestBytes > 10_000 ? 21 : 3
  const empty = fields(Array.from({ length: turns }, () => ''))
  const room = cell.requestBytes - Buffer.byteLength(empty)
  const each = Math.floor(room / turns)
  return fields(
    Array.from({ length: turns }, (_, at) => prose(at === turns - 1 ? room - each * (turns - 1) : each)),
  )
}

/** Text with the quotes and line breaks that real prompts have, each two bytes in JSON. */
function prose(bytes: number): string {
  const sentence = 'Please read the \\"report\\" and say what changed since last week.\\n'
  const escaped = sentence.repeat(Math.ceil(bytes / sentence.length)).slice(0, bytes)
  const whole = escaped.endsWith('\\') ? `${escaped.slice(0, -1)}.` : escaped
  // The text was written as JSON escapes it; parsing gives back the string whose JSON has exactly `bytes`.
  return String(JSON.parse(`"${whole}"`))
}
