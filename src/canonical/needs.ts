/** What a request needs of whoever answers it: abilities that models have or lack, and room. */

import { assertNever } from '../std/assert-never.ts'
import type { Part } from './message.ts'
import type { InferenceRequest } from './request.ts'

export type Ability =
  | 'tools'
  /** Looks at images. */
  | 'vision'
  /** Listens. */
  | 'audio'
  /** Reads documents that are not plain text. */
  | 'documents'
  /** Answers by a JSON Schema. */
  | 'json-schema'
  /** Speaks. */
  | 'speech'

export interface Needs {
  readonly abilities: ReadonlySet<Ability>
  /** A lower bound of the input, tokens: what exceeds a context window by this measure is certainly too long. */
  readonly inputTokensMin: number
  /** Files that it names by their ids at a provider. */
  readonly fileIds: readonly string[]
}

/**
 * No tokenizer makes fewer tokens of a text than one for so many characters, but for texts made to be compressed: the
 * densest ordinary ones (code full of blanks, English prose) have four to six.
 */
export const CHARACTERS_PER_TOKEN_MAX = 8

export function needsOf(request: InferenceRequest): Needs {
  const found: Found = { abilities: new Set(), fileIds: new Set() }
  const { abilities } = found
  let characters = 0
  for (const message of request.messages) characters += readParts(message.parts, found)
  // A tool that only its own dialect can say is no need of other models: it is a loss there.
  const tools = (request.tools ?? []).filter((tool) => tool.kind === 'function')
  if (tools.length > 0 && request.toolChoice?.type !== 'none') abilities.add('tools')
  if (request.output?.type === 'json-schema') abilities.add('json-schema')
  if (request.modalities?.some((modality) => modality.toLowerCase() === 'audio')) abilities.add('speech')
  for (const tool of tools) characters += (tool.description ?? '').length
  return {
    abilities,
    inputTokensMin: Math.floor(characters / CHARACTERS_PER_TOKEN_MAX),
    fileIds: [...found.fileIds],
  }
}

interface Found {
  readonly abilities: Set<Ability>
  readonly fileIds: Set<string>
}

/** Notes the abilities that these parts call for, and gives the number of their characters. */
function readParts(parts: readonly Part[], found: Found): number {
  let characters = 0
  for (const part of parts) characters += readPart(part, found)
  return characters
}

function readPart(part: Part, found: Found): number {
  const { abilities } = found
  if ('source' in part && part.source.kind === 'file') found.fileIds.add(part.source.fileId)
  switch (part.type) {
    case 'text':
    case 'refusal':
      return part.text.length
    case 'image':
      abilities.add('vision')
      return 0
    case 'audio':
      // What a model spoke earlier is said again by its id; only its maker has it.
      if (part.audioId === undefined) abilities.add('audio')
      return 0
    case 'document':
      if (isText(part.source)) return part.source.kind === 'text' ? part.source.text.length : 0
      abilities.add('documents')
      return 0
    case 'tool-call':
      return part.arguments.length
    case 'tool-result':
      return readParts(part.parts, found)
    // Reasoning of earlier turns is left out by many providers, and what is opaque may be anything.
    case 'reasoning':
    case 'opaque':
      return 0
    default:
      return assertNever(part)
  }
}

type Source = Extract<Part, { type: 'document' }>['source']

function isText(source: Source): boolean {
  return source.kind === 'text' || (source.kind === 'base64' && source.mediaType.startsWith('text/'))
}
