/** Named deviations from OpenAI's chat completions, shared by the providers that were seen to have them. */

import { arrayOf, isJsonObject, type JsonObject, type JsonValue } from '../std/json.ts'
import type { Quirk } from './provider.ts'

/** OpenAI's reasoning models refuse `max_tokens`; every chat model of its API takes `max_completion_tokens`. */
export function maxCompletionTokens(seenAt: string): Quirk {
  return rename({ name: 'max-completion-tokens', from: 'max_tokens', to: 'max_completion_tokens', seenAt })
}

/** Knows only the older `max_tokens`: the newer name is refused or, worse, ignored, and the answer has no ceiling. */
export function maxTokens(seenAt: string): Quirk {
  return rename({ name: 'max-tokens', from: 'max_completion_tokens', to: 'max_tokens', seenAt })
}

/** Calls the seed `random_seed` and refuses `seed`. */
export function randomSeed(seenAt: string): Quirk {
  return rename({ name: 'random-seed', from: 'seed', to: 'random_seed', seenAt })
}

/** Refuses `stream_options`, and sends usage in every stream unasked, so nothing is lost without it. */
export function noStreamOptions(seenAt: string): Quirk {
  return {
    name: 'no-stream-options',
    seenAt,
    fields: ['stream_options'],
    adaptRequest: (fields) => without(fields, 'stream_options'),
  }
}

/** Refuses the role `developer`, which means to it what `system` means. */
export function noDeveloperRole(seenAt: string): Quirk {
  return {
    name: 'no-developer-role',
    seenAt,
    fields: ['messages'],
    text: 'developer',
    adaptRequest: withSystemRole,
  }
}

/** Refuses a message of the assistant that repeats its reasoning; what it needs of it, it keeps elsewhere or does without. */
export function noReasoningReplay(seenAt: string): Quirk {
  return {
    name: 'no-reasoning-replay',
    seenAt,
    fields: ['messages'],
    text: 'reasoning_',
    adaptRequest: (fields) => withMessages(fields, withoutReasoning),
  }
}

/** Takes its reasoning back by the name `reasoning`, as it says it, and refuses it by any other. */
export function reasoningAsReasoning(seenAt: string): Quirk {
  return {
    name: 'reasoning-as-reasoning',
    seenAt,
    fields: ['messages'],
    text: 'reasoning_',
    adaptRequest: (fields) =>
      withMessages(fields, (message) => {
        const { reasoning_content: words } = message
        const rest = withoutReasoning(message)
        return typeof words !== 'string' || words === '' ? rest : { reasoning: words, ...rest }
      }),
  }
}

interface Rename {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly seenAt: string
}

/** Where both names are given the target's own wins, as the provider itself would read it. */
function rename({ name, from, to, seenAt }: Rename): Quirk {
  return {
    name,
    seenAt,
    fields: [from],
    adaptRequest(fields) {
      if (fields[from] === undefined) return fields
      const rest = without(fields, from)
      return rest[to] === undefined ? { ...rest, [to]: fields[from] } : rest
    },
  }
}

function without(fields: JsonObject, name: string): JsonObject {
  const { [name]: _, ...rest } = fields
  return rest
}

function withSystemRole(fields: JsonObject): JsonObject {
  return withMessages(fields, (message) =>
    message['role'] === 'developer' ? { ...message, role: 'system' } : message,
  )
}

/** The message itself where it repeats none. */
function withoutReasoning(message: JsonObject): JsonObject {
  if (message['reasoning_content'] === undefined && message['reasoning_details'] === undefined) return message
  const { reasoning_content: _content, reasoning_details: _details, ...rest } = message
  return rest
}

/** The fields themselves where no message changes. */
function withMessages(fields: JsonObject, change: (message: JsonObject) => JsonObject): JsonObject {
  const messages = arrayOf(fields['messages'])
  const changed = messages.map((message) => (isJsonObject(message) ? change(message) : message))
  if (changed.every((message, index) => message === messages[index])) return fields
  // The elements came out of a JsonObject and are only rearranged: they are JSON still.
  return { ...fields, messages: changed as JsonValue[] }
}
