/** Which corpus files hold answers of which dialect, and what the oracle makes of a recorded answer. */

import type { TargetDialectId } from '../../src/canonical/envelope.ts'
import type { Recording } from '../corpus.ts'
import { anthropicPlain, anthropicStream } from './anthropic-messages.ts'
import { bedrockPlain, bedrockStream } from './bedrock-converse.ts'
import { coherePlain, cohereStream } from './cohere-chat.ts'
import { geminiPlain, geminiStream } from './gemini.ts'
import { parsed } from './json.ts'
import { ollamaPlain, ollamaStream } from './ollama-chat.ts'
import { openaiChatPlain, openaiChatStream } from './openai-chat.ts'
import { openaiCompletionsPlain, openaiCompletionsStream } from './openai-completions.ts'
import { openaiResponsesPlain, openaiResponsesStream } from './openai-responses.ts'
import type { Verdict } from './reading.ts'

/** The corpus names its files after wire formats; two of them may be one dialect of ours. */
const dialectsByFile: ReadonlyMap<string, TargetDialectId> = new Map([
  ['openai-chat', 'openai-chat'],
  ['openai-responses', 'openai-responses'],
  ['anthropic-messages', 'anthropic-messages'],
  ['gemini', 'gemini'],
  ['openai-completions', 'openai-completions'],
  ['bedrock-converse', 'bedrock-converse'],
  ['bedrock-converse-stream', 'bedrock-converse'],
  ['cohere-chat-v2', 'cohere-chat'],
  ['cohere-chat', 'cohere-chat'],
  ['ollama-chat', 'ollama-chat'],
])

export function dialectOfFile(file: string): TargetDialectId | undefined {
  return dialectsByFile.get(file)
}

interface Oracle {
  plain(body: unknown): Verdict
  stream(bytes: Buffer): Verdict
}

const ofText = (read: (text: string) => Verdict) => (bytes: Buffer) => read(bytes.toString('utf8'))

const oracles: Readonly<Record<TargetDialectId, Oracle>> = {
  'openai-chat': { plain: openaiChatPlain, stream: ofText(openaiChatStream) },
  'openai-responses': { plain: openaiResponsesPlain, stream: ofText(openaiResponsesStream) },
  'anthropic-messages': { plain: anthropicPlain, stream: ofText(anthropicStream) },
  gemini: { plain: geminiPlain, stream: ofText(geminiStream) },
  'openai-completions': { plain: openaiCompletionsPlain, stream: ofText(openaiCompletionsStream) },
  'bedrock-converse': { plain: bedrockPlain, stream: bedrockStream },
  'cohere-chat': { plain: coherePlain, stream: ofText(cohereStream) },
  'ollama-chat': { plain: ollamaPlain, stream: ofText(ollamaStream) },
}

/** Whether the recorded answer came as a stream. */
export function isStreamed({ response }: Recording): boolean {
  return response.form === 'text' || response.form === 'binary'
}

export function verdictOf(recording: Recording, dialect: TargetDialectId): Verdict {
  const { bytes } = recording.response
  const oracle = oracles[dialect]
  return isStreamed(recording) ? oracle.stream(bytes) : oracle.plain(parsed(bytes.toString('utf8')))
}
