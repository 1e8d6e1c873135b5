/**
 * What the program of each client keeps of an answer and sends back as the model's turn: all it was given, as the official
 * SDKs keep it. By rules of its own, apart from the dialects room.
 */

import type { ClientAnswer, ClientDialect } from './client-answer.ts'

type Fields = Readonly<Record<string, unknown>>

/** To be put into the conversation as it stands: messages, items or contents. */
export function echoedTurn(answer: ClientAnswer, dialect: ClientDialect): readonly Fields[] {
  const [first] = answer.values
  const isWhole = answer.values.length === 1 && first !== undefined
  switch (dialect) {
    case 'openai-chat':
      return [isWhole ? fields(lists(first['choices'])[0]?.['message']) : chatMessage(answer.values)]
    case 'anthropic-messages':
      return [{ role: 'assistant', content: isWhole ? first['content'] : blocksOf(answer.values) }]
    case 'openai-responses': {
      const last = fields(answer.values.at(-1))
      return lists(fields(last['response'] ?? last)['output'])
    }
    case 'gemini':
      return answer.values
        .map((value) => fields(lists(value['candidates'])[0]?.['content']))
        .filter((content) => lists(content['parts']).length > 0)
  }
}

function chatMessage(values: readonly Fields[]): Fields {
  const deltas = values.flatMap((value) => lists(value['choices'])).map((choice) => fields(choice['delta']))
  const calls: Record<string, unknown>[] = []
  for (const piece of deltas.flatMap((delta) => lists(delta['tool_calls']))) {
    const { index, function: called, ...rest } = piece
    const known = calls[Number(index)] ?? { function: { name: '', arguments: '' } }
    const before = fields(known['function'])
    const after = fields(called)
    calls[Number(index)] = {
      ...known,
      ...rest,
      function: {
        name: text(before['name']) + text(after['name']),
        arguments: text(before['arguments']) + text(after['arguments']),
      },
    }
  }
  const details = deltas.flatMap((delta) => lists(delta['reasoning_details']))
  const reasoning = deltas.map((delta) => text(delta['reasoning_content'])).join('')
  return {
    role: 'assistant',
    content: deltas.map((delta) => text(delta['content'])).join(''),
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(details.length === 0 ? {} : { reasoning_details: details }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
}

function blocksOf(values: readonly Fields[]): readonly Fields[] {
  const blocks: Record<string, unknown>[] = []
  const inputs: string[] = []
  for (const value of values) {
    const index = Number(value['index'])
    if (value['type'] === 'content_block_start') blocks[index] = { ...fields(value['content_block']) }
    const block = blocks[index]
    if (value['type'] !== 'content_block_delta' || block === undefined) continue
    const delta = fields(value['delta'])
    for (const name of ['text', 'thinking', 'signature'] as const)
      if (delta[name] !== undefined) block[name] = text(block[name]) + text(delta[name])
    inputs[index] = (inputs[index] ?? '') + text(delta['partial_json'])
  }
  return blocks.map((block, index) =>
    block['type'] === 'tool_use' ? { ...block, input: JSON.parse(inputs[index] || '{}') } : block,
  )
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
