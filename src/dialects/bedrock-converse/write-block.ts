/** Says one part as a content block of a request. What Converse has no block for is a loss and says nothing. */

import type { CacheHint, Part, ReasoningPart, ToolCallPart, ToolResultPart } from '../../canonical/message.ts'
import { isJsonObject, type JsonObject, parseJson } from '../../std/json.ts'
import type { LossList } from '../anthropic-messages/losses.ts'
import type { ToolIds } from '../anthropic-messages/tool-ids.ts'
import { DIALECT } from './dialect-id.ts'
import { type ModelFamily, takesCachePoints } from './model-family.ts'
import { boundedToolId } from './tool-id.ts'
import { type DocumentNames, writeAudio, writeDocument, writeImage } from './write-media.ts'

/** What the blocks of one conversation share. */
export interface BlockContext {
  readonly losses: LossList
  readonly toolIds: ToolIds
  readonly documentNames: DocumentNames
  readonly family: ModelFamily
}

export function writeBlock(part: Part, context: BlockContext): JsonObject | undefined {
  const { losses } = context
  switch (part.type) {
    case 'text':
    case 'refusal':
      return isBlank(part.text) ? undefined : { text: part.text }
    case 'image':
      return writeImage(part, losses)
    case 'document':
      return writeDocument(part, context.documentNames, losses)
    case 'audio':
      return writeAudio(part, losses)
    case 'tool-call':
      if (part.kind !== 'provider') return writeToolCall(part, context)
      losses.add('messages.tool_calls', 'A tool that a provider ran belongs to that provider.')
      return undefined
    case 'tool-result':
      return writeToolResult(part, context)
    case 'reasoning':
      return writeReasoning(part, losses)
    case 'opaque':
      if (part.dialect === DIALECT) return part.value
      for (const name of opaqueNames(part.value)) {
        losses.add(`messages.${name}`, 'Only its own API can express this.')
      }
      return undefined
  }
}

/** Bedrock refuses text without a visible character, which models write beside their tool calls. */
export function isBlank(text: string): boolean {
  return !/\S/.test(text)
}

/** What another dialect's raw part is called: the fields it holds where it is a bag of them, else its type. */
function opaqueNames({ type, fields }: JsonObject): readonly string[] {
  const names = isJsonObject(fields) ? Object.keys(fields) : [typeof type === 'string' ? type : 'content']
  return names.filter((name) => /^\w{1,60}$/.test(name))
}

/** The block that ends what may be cached; models that know none are not told, since only time and money are lost. */
export function cachePoint(hint: CacheHint | undefined, family: ModelFamily): readonly JsonObject[] {
  if (hint === undefined || !takesCachePoints(family)) return []
  const hasTtl = family === 'claude' && (hint.ttl === '5m' || hint.ttl === '1h')
  return [{ cachePoint: { type: 'default', ...(hasTtl ? { ttl: hint.ttl } : {}) } }]
}

function writeToolCall(part: ToolCallPart, { losses, toolIds }: BlockContext): JsonObject {
  return {
    toolUse: {
      toolUseId: boundedToolId(toolIds.call(part.id)),
      name: part.name,
      input: toolInput(part, losses),
    },
  }
}

/** The arguments as an object. What a model once wrote malformed is shown to the next as it was, inside an object. */
function toolInput(part: ToolCallPart, losses: LossList): JsonObject {
  if (part.kind === 'custom') {
    losses.add('messages.custom_tool_call', 'In the Converse API the input of a tool is an object.')
    return { input: part.arguments }
  }
  const value = part.arguments.trim() === '' ? {} : parseJson(part.arguments)
  if (isJsonObject(value)) return value
  losses.add(
    'messages.tool_calls.arguments',
    'The arguments are no JSON object; they are sent inside one as text.',
  )
  return { malformed_arguments: part.arguments }
}

function writeToolResult(part: ToolResultPart, context: BlockContext): JsonObject {
  const content = part.parts.flatMap((inner) => {
    const block = isResultContent(inner) ? writeBlock(inner, context) : undefined
    if (block !== undefined) return [block]
    if (!isResultContent(inner)) {
      context.losses.add(
        `messages.tool.${inner.type}`,
        'A tool result of the Converse API holds text, images and documents.',
      )
    }
    return []
  })
  return {
    toolResult: {
      toolUseId: boundedToolId(context.toolIds.result(part.toolCallId)),
      content,
      ...(part.isError ? { status: 'error' } : {}),
    },
  }
}

function isResultContent(part: Part): boolean {
  return (
    part.type === 'text' ||
    part.type === 'image' ||
    part.type === 'document' ||
    part.type === 'refusal' ||
    part.type === 'opaque'
  )
}

/** Who signs what Bedrock's models think: only Claude does, and its signatures hold wherever it runs. */
const STATE_ORIGIN = 'anthropic'

/** Signatures are verified, so reasoning without one, or with another maker's, cannot be replayed. */
function writeReasoning(part: ReasoningPart, losses: LossList): JsonObject | undefined {
  if (part.origin !== undefined && part.origin !== STATE_ORIGIN) return loseReasoning(losses)
  if (part.encrypted) return { reasoningContent: { redactedContent: part.encrypted } }
  if (part.signature) {
    return { reasoningContent: { reasoningText: { text: part.text, signature: part.signature } } }
  }
  return loseReasoning(losses)
}

function loseReasoning(losses: LossList): undefined {
  losses.add('messages.thinking', 'Reasoning is valid only with the signature of the model that is asked.')
}
