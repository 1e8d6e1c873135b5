/** The two official SDKs behind one face, for what both must do alike: errors, retries, aborts, keys, sizes. */

import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { anthropicClient, type ClientOptions, openAiClient, type Stage } from './clients.ts'

export interface SdkFace {
  readonly name: string
  /** The SDK's own error classes. */
  readonly errors: typeof OpenAI | typeof Anthropic
  /** The path its base URL ends in. */
  readonly basePath: string
  /** The plain answer's text. */
  ask(stage: Stage, asking: FaceAsking): Promise<string>
  /** The text of a stream, piece by piece. */
  stream(stage: Stage, asking: FaceAsking): AsyncIterable<string>
  /** The ids of all models. */
  models(stage: Stage, options?: ClientOptions): Promise<readonly string[]>
}

export interface FaceAsking {
  readonly model: string
  readonly prompt?: string
  readonly options?: ClientOptions
  readonly signal?: AbortSignal
  /** Small enough to go upstream as it stands; without it a plain request is folded out of a stream. */
  readonly isShort?: boolean
  readonly extra?: Readonly<Record<string, unknown>>
}

function body({ model, prompt = 'hello', isShort = false, extra }: FaceAsking) {
  const messages = [{ role: 'user' as const, content: prompt }]
  return { model, messages, max_tokens: isShort ? 500 : 4_096, ...extra }
}

const signalOf = ({ signal }: FaceAsking) => (signal === undefined ? {} : { signal })

const openai: SdkFace = {
  name: 'openai',
  errors: OpenAI,
  basePath: '/v1',
  async ask(stage, asking) {
    const client = openAiClient(stage, asking.options)
    const answer = await client.chat.completions.create(body(asking), signalOf(asking))
    return answer.choices[0]?.message.content ?? ''
  },
  async *stream(stage, asking) {
    const client = openAiClient(stage, asking.options)
    const chunks = await client.chat.completions.create({ ...body(asking), stream: true }, signalOf(asking))
    for await (const chunk of chunks) {
      const text = chunk.choices[0]?.delta.content
      if (text) yield text
    }
  },
  async models(stage, options) {
    const ids: string[] = []
    for await (const model of openAiClient(stage, options).models.list()) ids.push(model.id)
    return ids
  },
}

const anthropic: SdkFace = {
  name: '@anthropic-ai/sdk',
  errors: Anthropic,
  basePath: '',
  async ask(stage, asking) {
    const message = await anthropicClient(stage, asking.options).messages.create(
      body(asking),
      signalOf(asking),
    )
    return message.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
  },
  async *stream(stage, asking) {
    const client = anthropicClient(stage, asking.options)
    const events = await client.messages.create({ ...body(asking), stream: true }, signalOf(asking))
    for await (const event of events) {
      if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') yield event.delta.text
    }
  },
  async models(stage, options) {
    const ids: string[] = []
    for await (const model of anthropicClient(stage, options).models.list()) ids.push(model.id)
    return ids
  },
}

export const SDK_FACES: readonly SdkFace[] = [openai, anthropic]
