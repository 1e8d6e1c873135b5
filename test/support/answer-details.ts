/** What else a client makes of an answer: thoughts, sources, probabilities, further candidates, counts; by rules of its own. */

import type { ClientAnswer, ClientDialect } from './client-answer.ts'

type Fields = Readonly<Record<string, unknown>>

export interface AnswerDetails {
  readonly reasoning: string
  readonly refusal: string
  readonly sources: readonly { readonly url: unknown; readonly title: unknown }[]
  readonly logprobs: readonly {
    readonly token: unknown
    readonly logprob: unknown
    readonly rivals: number
  }[]
  /** The texts of all candidates. */
  readonly texts: readonly string[]
  readonly counts: Counts
}

/** In one meaning: cached tokens are part of the input, reasoning of the output. */
export interface Counts {
  readonly input: number
  readonly cached: number
  readonly output: number
  readonly reasoning: number
}

export function detailsOf(answer: ClientAnswer, dialect: ClientDialect): AnswerDetails {
  const usage = answer.usage ?? {}
  switch (dialect) {
    case 'openai-chat':
      return { ...ofChat(answer.values), counts: chatCounts(usage) }
    case 'anthropic-messages':
      return { ...ofMessages(answer.values), counts: messagesCounts(usage) }
    case 'openai-responses':
      return { ...ofResponse(answer.values), counts: responsesCounts(usage) }
    case 'gemini':
      return { ...ofGemini(answer.values), counts: geminiCounts(usage) }
  }
}

type Said = Omit<AnswerDetails, 'counts'>

function ofChat(values: readonly Fields[]): Said {
  const texts: string[] = []
  const messages: Fields[] = []
  const tokens: Fields[] = []
  for (const choice of values.flatMap((value) => lists(value['choices']))) {
    const index = Number(choice['index'])
    const message = fields(choice['message'] ?? choice['delta'])
    texts[index] = (texts[index] ?? '') + text(message['content'])
    if (index !== 0) continue
    messages.push(message)
    tokens.push(...lists(fields(choice['logprobs'])['content']))
  }
  const cited = messages.flatMap((message) => lists(message['annotations']))
  return {
    texts,
    reasoning: joined(messages, 'reasoning_content'),
    refusal: joined(messages, 'refusal'),
    sources: cited.map((citation) => fields(citation['url_citation'])).map(sourceOf),
    logprobs: tokens.map(openaiToken),
  }
}

function ofMessages(values: readonly Fields[]): Said {
  const blocks = values.flatMap((value) => [
    ...lists(value['content']),
    fields(value['content_block']),
    fields(value['delta']),
  ])
  const cited = blocks.flatMap((block) => [...lists(block['citations']), ...lists([block['citation']])])
  return {
    texts: [joined(blocks, 'text')],
    reasoning: joined(blocks, 'thinking'),
    refusal: '',
    sources: cited.map((one) => ({ url: one['url'], title: one['title'] ?? one['document_title'] })),
    logprobs: [],
  }
}

/** As the last response says it, which repeats all that was streamed. */
function ofResponse(values: readonly Fields[]): Said {
  const last = values.at(-1) ?? {}
  const response = last['response'] === undefined ? last : fields(last['response'])
  const items = lists(response['output'])
  const parts = items.flatMap((item) => lists(item['content']))
  const thought = items.filter((item) => item['type'] === 'reasoning')
  return {
    texts: [joined(parts, 'text')],
    reasoning: joined(
      thought.flatMap((item) => lists(item['summary'])),
      'text',
    ),
    refusal: joined(parts, 'refusal'),
    sources: parts.flatMap((part) => lists(part['annotations'])).map(sourceOf),
    logprobs: parts.flatMap((part) => lists(part['logprobs'])).map(openaiToken),
  }
}

function ofGemini(values: readonly Fields[]): Said {
  const texts: string[] = []
  const firsts: Fields[] = []
  for (const candidate of values.flatMap((value) => lists(value['candidates']))) {
    const index = Number(candidate['index'] ?? 0)
    const parts = lists(fields(candidate['content'])['parts'])
    texts[index] =
      (texts[index] ?? '') +
      joined(
        parts.filter((part) => part['thought'] !== true),
        'text',
      )
    if (index === 0) firsts.push(candidate)
  }
  const parts = firsts.flatMap((candidate) => lists(fields(candidate['content'])['parts']))
  const chunks = firsts.flatMap((candidate) =>
    lists(fields(candidate['groundingMetadata'])['groundingChunks']),
  )
  return {
    texts,
    reasoning: joined(
      parts.filter((part) => part['thought'] === true),
      'text',
    ),
    refusal: '',
    sources: chunks.map((chunk) => {
      const source = fields(chunk['web'] ?? chunk['retrievedContext'])
      return { url: source['uri'], title: source['title'] }
    }),
    logprobs: firsts.flatMap((candidate) => geminiTokens(fields(candidate['logprobsResult']))),
  }
}

function geminiTokens(result: Fields) {
  const rivals = lists(result['topCandidates'])
  return lists(result['chosenCandidates']).map((chosen, index) => ({
    token: chosen['token'],
    logprob: chosen['logProbability'],
    rivals: lists(rivals[index]?.['candidates']).length,
  }))
}

function openaiToken(token: Fields) {
  return { token: token['token'], logprob: token['logprob'], rivals: lists(token['top_logprobs']).length }
}

function sourceOf(citation: Fields) {
  return { url: citation['url'], title: citation['title'] }
}

function chatCounts(usage: Fields): Counts {
  return {
    input: number(usage['prompt_tokens']),
    cached: number(fields(usage['prompt_tokens_details'])['cached_tokens']),
    output: number(usage['completion_tokens']),
    reasoning: number(fields(usage['completion_tokens_details'])['reasoning_tokens']),
  }
}

function messagesCounts(usage: Fields): Counts {
  const cached = number(usage['cache_read_input_tokens'])
  return {
    input: number(usage['input_tokens']) + cached + number(usage['cache_creation_input_tokens']),
    cached,
    output: number(usage['output_tokens']),
    reasoning: number(fields(usage['output_tokens_details'])['thinking_tokens']),
  }
}

function responsesCounts(usage: Fields): Counts {
  return {
    input: number(usage['input_tokens']),
    cached: number(fields(usage['input_tokens_details'])['cached_tokens']),
    output: number(usage['output_tokens']),
    reasoning: number(fields(usage['output_tokens_details'])['reasoning_tokens']),
  }
}

function geminiCounts(usage: Fields): Counts {
  const reasoning = number(usage['thoughtsTokenCount'])
  return {
    input: number(usage['promptTokenCount']),
    cached: number(usage['cachedContentTokenCount']),
    output: number(usage['candidatesTokenCount']) + reasoning,
    reasoning,
  }
}

function joined(values: readonly Fields[], name: string): string {
  return values.map((value) => text(value[name])).join('')
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? // Sound: an object that is no array has named members of unknown types.
      (value as Fields)
    : {}
}

function lists(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'object' && each !== null) : []
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
