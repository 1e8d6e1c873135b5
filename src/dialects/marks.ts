/**
 * Words that give away what a body may speak of, over all dialects: where none of them stands in its bytes it certainly
 * does not, and where one does it has to be decoded to know. Native searches, which cost next to nothing.
 */

import type { Ability } from '../canonical/needs.ts'
import { asBuffer } from '../wire/bytes.ts'

/** Whether a request may call for an ability. */
export function mayNeedAbility(request: Uint8Array, ability: Ability): boolean {
  return includesAny(request, abilityMarks[ability])
}

/** Whether a request may name files by their ids at a provider, or sounds by theirs. */
export function mayNameFiles(request: Uint8Array): boolean {
  return includesAny(request, fileMarks)
}

/** Whether an answer may hold signatures or encrypted reasoning. */
export function mayHoldState(answer: Uint8Array): boolean {
  return includesAny(answer, stateMarks)
}

function includesAny(body: Uint8Array, marks: readonly Buffer[]): boolean {
  const bytes = asBuffer(body)
  return marks.some((mark) => bytes.includes(mark))
}

const buffers = (...words: readonly string[]) => words.map((word) => Buffer.from(word))

const abilityMarks: Readonly<Record<Ability, readonly Buffer[]>> = {
  tools: buffers('"tools"', '"functions"'),
  vision: buffers('image'),
  audio: buffers('audio'),
  documents: buffers('document', '"file', 'input_file', 'application/'),
  'json-schema': buffers('schema', 'Schema'),
  speech: buffers('modalities', 'Modalities'),
}

const fileMarks = buffers('file_id', 'fileUri', 'file_uri', '"audio"')

/** `signature`, `thoughtSignature`, `thought_signature`; `encrypted_content`; `redacted_thinking`, `redactedContent`. */
const stateMarks = buffers('ignature"', 'encrypted', 'redacted')
