/** Requests and answers in one form, so that two spellings of the same compare as equal. */

import { isJsonObject, type JsonObject, stringOf } from '../../std/json.ts'

/** A conversation in one form: blocks everywhere, neighbouring turns of one role joined, tool results first. */
export function normalMessages(value: unknown): unknown {
  const turns: { role: unknown; content: JsonObject[] }[] = []
  for (const message of Array.isArray(value) ? value : []) {
    if (!isJsonObject(message)) continue
    const isSystem = message['role'] === 'system'
    const role = isSystem ? 'user' : message['role']
    const blocks = normalBlocks(message['content'])
    const content = isSystem ? blocks.filter(({ type }) => type === 'text').map(tagged) : blocks
    const last = turns.at(-1)
    if (last !== undefined && last.role === role) last.content.push(...content)
    else turns.push({ role, content: [...content] })
  }
  const final = turns.at(-1)?.role === 'assistant' ? turns.at(-1)?.content.at(-1) : undefined
  if (final && typeof final['text'] === 'string') {
    turns.at(-1)?.content.splice(-1, 1, { ...final, text: final['text'].trimEnd() })
  }
  return turns.map(({ role, content }) => ({
    role,
    content: [...content.filter(isToolResult), ...content.filter((block) => !isToolResult(block))],
  }))
}

function isToolResult(block: JsonObject): boolean {
  return block['type'] === 'tool_result'
}

function tagged(block: JsonObject): JsonObject {
  return { ...block, text: `<system>\n${stringOf(block['text']) ?? ''}\n</system>` }
}

/** Blocks with what says nothing left out: empty texts and citations, nulls, `is_error: false`, the direct caller. */
export function normalBlocks(value: unknown): JsonObject[] {
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }]
  const blocks = Array.isArray(value) ? value.filter(isJsonObject) : []
  return blocks.filter((block) => block['text'] !== '' && !isAttribution(block)).map(normalBlock)
}

function isAttribution({ text }: JsonObject): boolean {
  return typeof text === 'string' && text.startsWith('x-anthropic-billing-header:')
}

function normalBlock(block: JsonObject): JsonObject {
  const { type } = block
  const kept = Object.entries(block).filter(
    ([name, value]) =>
      value !== null &&
      !(name === 'is_error' && value === false) &&
      !(name === 'caller' && type === 'tool_use') &&
      !(name === 'citations' && Array.isArray(value) && value.length === 0) &&
      !(name === 'content' && type === 'tool_result'),
  )
  const content = type === 'tool_result' ? normalBlocks(block['content']) : []
  return { ...Object.fromEntries(kept), ...(content.length === 0 ? {} : { content }) }
}

/** `type: "custom"` and `strict: false` say what their absence says. */
export function normalTools(value: unknown): unknown {
  const tools: unknown[] = Array.isArray(value) ? value : []
  return tools.filter(isJsonObject).map((tool) => {
    const kept = Object.entries(tool).filter(
      ([name, field]) =>
        field !== null && !(name === 'type' && field === 'custom') && !(name === 'strict' && field === false),
    )
    return Object.fromEntries(kept)
  })
}
