/**
 * A gateway before one provider of every dialect, each of which answers what the test puts into its mouth: for tests that
 * ask the same thing of every pair of dialects and look at both ends of it.
 */

import type { JsonObject } from '../../src/std/json.ts'
import { type ClientAnswer, type ClientDialect, readAnswer } from './client-answer.ts'
import { TARGETS, type TargetName } from './every-dialect.ts'
import { targetVoices } from './target-voices.ts'
import { type AskedOfProvider, openToldStage, type ProvidersAnswer, type ToldStage } from './told-provider.ts'

export const CLIENTS = ['openai-chat', 'anthropic-messages', 'openai-responses', 'gemini'] as const

/** The targets whose dialect clients speak too. */
export const FRONT_TARGETS = ['chat', 'messages', 'responses', 'gemini'] as const
export type FrontTarget = (typeof FRONT_TARGETS)[number]

/** `fold`: the client waits for one answer, which is long enough to be asked of the provider as a stream. */
export const MODES = ['plain', 'fold', 'stream'] as const
export type Mode = (typeof MODES)[number]

/** What a provider says, whole and streamed. */
export interface Saying {
  readonly whole: object
  readonly stream: string | Uint8Array
}

export interface PairAsking {
  readonly client: ClientDialect
  /** `chat`, ..., or the name of a route. */
  readonly target: string
  readonly mode?: Mode
  /** Put over the plain request; `undefined` takes a field away. */
  readonly body?: Readonly<Record<string, unknown>>
  readonly isStrict?: boolean
  /** What the target answers; default: a short text. */
  readonly says?: Saying
}

export interface Told {
  readonly answer: ClientAnswer
  /** What the provider was asked; undefined where it was not. */
  readonly asked: AskedOfProvider | undefined
  readonly sent: JsonObject
  readonly losses: readonly string[]
}

export interface PairStage extends AsyncDisposable {
  readonly stage: ToldStage
  ask(asking: PairAsking): Promise<Told>
}

export const TEXT = 'It rains in Bergen.'

export async function openPairStage(config: Readonly<Record<string, unknown>> = {}): Promise<PairStage> {
  const sayings = new Map<string, Saying>()
  const asked: { readonly target: string; readonly one: AskedOfProvider }[] = []
  const upstream = (name: TargetName) => ({
    dialect: TARGETS[name].dialect,
    tell: (one: AskedOfProvider) => {
      asked.push({ target: name, one })
      return answerOf(name, one, sayings.get(name))
    },
  })
  // Sound: the keys of a literal are the names of its type.
  const names = Object.keys(TARGETS) as readonly TargetName[]
  const stage = await openToldStage(Object.fromEntries(names.map((name) => [name, upstream(name)])), config)
  return {
    stage,
    async ask({ client, target, mode = 'plain', body, isStrict = false, says }) {
      sayings.clear()
      if (says !== undefined) sayings.set(target, says)
      const before = asked.length
      const model = target in TARGETS ? `${target}/m` : target
      const request = pairRequest({ client, model, mode, ...(body === undefined ? {} : { body }) })
      const response = await fetch(stage.url + request.path, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(isStrict ? { 'x-holdfast-strict': 'true' } : {}),
        },
        body: JSON.stringify(request.body),
      })
      const answer = await readAnswer(response, client)
      const one = asked[before]?.one
      const named = answer.headers.get('x-holdfast-losses')
      return {
        answer,
        asked: one,
        sent: one?.body ?? {},
        losses: named === null ? [] : named.split(', ').sort(),
      }
    },
    [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
  }
}

function answerOf(name: TargetName, asked: AskedOfProvider, saying: Saying | undefined): ProvidersAnswer {
  const voice = targetVoices[TARGETS[name].dialect]
  const isStream = asked.body['stream'] === true || /stream(?:Generate|$)/.test(asked.path)
  if (!isStream) return { body: saying?.whole ?? voice.whole({ text: TEXT }) }
  const body = saying?.stream ?? Buffer.concat(voice.events({ text: TEXT }))
  return { headers: { 'content-type': voice.streamType }, body }
}

/** Few enough that a plain request goes upstream as it stands, and so many that it goes as a stream. */
const PLAIN_TOKENS = 512
const FOLD_TOKENS = 8_192

interface RequestPlan {
  readonly client: ClientDialect
  readonly model: string
  readonly mode: Mode
  readonly body?: Readonly<Record<string, unknown>>
}

/** A plain question in the client's own words, with what the test adds. */
export function pairRequest({ client, model, mode, body }: RequestPlan): {
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
} {
  const tokensMax = mode === 'plain' ? PLAIN_TOKENS : FOLD_TOKENS
  const stream = mode === 'stream' ? { stream: true } : {}
  const messages = [{ role: 'user', content: 'How is the weather?' }]
  switch (client) {
    case 'openai-chat': {
      const asked = { model, messages, max_tokens: tokensMax, ...stream, ...body }
      const options = mode === 'stream' ? { stream_options: { include_usage: true } } : {}
      return { path: '/v1/chat/completions', body: { ...asked, ...options } }
    }
    case 'anthropic-messages':
      return { path: '/v1/messages', body: { model, messages, max_tokens: tokensMax, ...stream, ...body } }
    case 'openai-responses': {
      const asked = { model, input: 'How is the weather?', max_output_tokens: tokensMax, ...stream }
      return { path: '/v1/responses', body: { ...asked, ...body } }
    }
    case 'gemini': {
      const method = mode === 'stream' ? 'streamGenerateContent?alt=sse' : 'generateContent'
      const contents = [{ role: 'user', parts: [{ text: 'How is the weather?' }] }]
      const config = body?.['generationConfig']
      const generationConfig = { maxOutputTokens: tokensMax, ...(config as object | undefined) }
      return {
        path: `/v1beta/models/${encodeURIComponent(model)}:${method}`,
        body: { contents, ...body, generationConfig },
      }
    }
  }
}

/** Whether both ends speak the same dialect, so that bytes pass as they are. */
export function isSameDialect(client: ClientDialect, target: TargetName): boolean {
  return TARGETS[target].dialect === client
}
