/** How a request is asked again: its path and its body, whole, of another model if told so. Pure. */

import type { KeptBodies } from '../archive/kept-bodies.ts'
import type { RequestRow } from '../ledger/entry.ts'
import { isJsonObject, parseJson } from '../std/json.ts'
import { shown } from './read-values.ts'
import { CommandRefusal } from './refusal.ts'

export interface Call {
  readonly path: string
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
}

export interface AskAgain {
  readonly original: Pick<RequestRow, 'dialect' | 'operation' | 'modelId'>
  readonly text: string
  /** What was kept beside the body; absent where the body is from a file. */
  readonly kept?: Pick<KeptBodies, 'path' | 'headers'>
  /** Instead of the one that was asked. */
  readonly model?: string | undefined
}

const paths: Readonly<Record<string, string>> = {
  'openai-chat': '/v1/chat/completions',
  'openai-responses': '/v1/responses',
  'openai-completions': '/v1/completions',
  'anthropic-messages': '/v1/messages',
}

/** Whole, not streamed: two answers are laid beside each other. Throws `CommandRefusal` where it cannot be asked. */
export function callOf({ original, text, kept, model }: AskAgain): Call {
  const { dialect, operation } = original
  const body = parseJson(text)
  if (!isJsonObject(body)) throw new CommandRefusal('the body is no JSON object')
  const headers = {
    'content-type': 'application/json',
    ...(dialect === 'anthropic-messages' && { 'anthropic-version': '2023-06-01' }),
    ...kept?.headers,
  }
  const [path] = (kept?.path ?? usualPath(dialect, operation)).split('?', 1)
  if (isNamedInPath(dialect, path))
    return { path: geminiPath(path, model ?? original.modelId), body: JSON.stringify(body), headers }
  const { stream: _, stream_options: __, ...rest } = body
  const whole = model === undefined ? rest : { ...rest, model }
  return { path: path ?? '', body: JSON.stringify(whole), headers }
}

function usualPath(dialect: string, operation: string): string {
  if (operation !== 'chat')
    throw new CommandRefusal(`a request for ${operation} is not asked again from a file: only chats are`)
  if (dialect === 'gemini') return ':generateContent'
  const path = Object.hasOwn(paths, dialect) ? paths[dialect] : undefined
  if (path === undefined) throw new CommandRefusal(`a request in ${shown(dialect)} cannot be asked again`)
  return path
}

/** Google's paths end in what is asked for, after the model. */
function isNamedInPath(dialect: string, path: string | undefined): path is string {
  return dialect === 'gemini' && path !== undefined && METHOD.test(path)
}

const METHOD = /:([a-zA-Z]+)$/

function geminiPath(path: string, model: string | undefined): string {
  if (model === undefined) throw new CommandRefusal('nothing says which model was asked: add --model')
  const [, asked = 'generateContent'] = METHOD.exec(path) ?? []
  const method = asked === 'streamGenerateContent' ? 'generateContent' : asked
  const name = model.split('/').map(encodeURIComponent).join('/')
  return `/v1beta/models/${name}:${method}`
}
