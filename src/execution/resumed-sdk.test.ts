/** A resumed stream must satisfy the official SDKs as the uncut one does: they read both here, without a network. */

import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { goOn, readAll, resumeAt, stories, type Voice, voices } from './resumed-streams.test-support.ts'

const serving = (body: string) => () =>
  Promise.resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }))

const local = { apiKey: 'unused', baseURL: 'http://gateway.invalid/v1', maxRetries: 0 }

async function chat(body: string): Promise<unknown> {
  const sdk = new OpenAI({ ...local, fetch: serving(body) })
  const ask = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] }
  return (await sdk.chat.completions.stream(ask).finalChatCompletion()).choices
}

async function messages(body: string): Promise<unknown> {
  const sdk = new Anthropic({ ...local, fetch: serving(body) })
  const ask = { model: 'm', max_tokens: 9, messages: [{ role: 'user' as const, content: 'hi' }] }
  const { id, model, content, stop_reason, usage } = await sdk.messages.stream(ask).finalMessage()
  return { id, model, content, stop_reason, tokens: [usage.input_tokens, usage.output_tokens] }
}

async function responses(body: string): Promise<unknown> {
  const sdk = new OpenAI({ ...local, fetch: serving(body) })
  const { id, output, output_text, status } = await sdk.responses
    .stream({ model: 'm', input: 'hi' })
    .finalResponse()
  // An item that had not begun when the stream broke is the other provider's own.
  const items = output.map((item) => ({ ...item, id: '', phase: '' }))
  return { id, items, output_text, status }
}

/** The SDK takes no fetch of ours, so that the process's own is replaced while it reads. */
async function contents(body: string): Promise<unknown> {
  vi.stubGlobal('fetch', serving(body))
  const sdk = new GoogleGenAI({ apiKey: 'unused', httpOptions: { baseUrl: 'http://gateway.invalid' } })
  const said: unknown[] = []
  for await (const { candidates, responseId } of await sdk.models.generateContentStream({
    model: 'm',
    contents: 'hi',
  }))
    said.push([responseId, candidates?.[0]?.finishReason, ...(candidates?.[0]?.content?.parts ?? [])])
  return joined(said)
}

/** Words side by side, whatever they are cut into. */
function joined(said: readonly unknown[]): string {
  return JSON.stringify(said).replaceAll('"}],["answer-7",null,{"text":"', '')
}

afterEach(() => {
  vi.unstubAllGlobals()
})

const sdks: Readonly<Record<string, (body: string) => Promise<unknown>>> = {
  'openai-chat': chat,
  'anthropic-messages': messages,
  'openai-responses': responses,
  gemini: contents,
}

describe.each(voices.map((voice): [string, Voice] => [voice.dialect.id, voice]))('%s', (id, voice) => {
  test.each([...stories])('%s, cut anywhere and gone on with', async (_name, story) => {
    const read = sdks[id] ?? chat
    const events = voice.events(story)
    const again = readAll(voice.dialect, events.join(''))
    const uncut = await read(events.join(''))
    for (let count = 1; count < events.length; count += 1) {
      const resumed = resumeAt(voice, story, count)
      if (resumed === undefined) continue
      const whole = goOn(events.slice(0, count).join(''), resumed, 'verify', again) ?? 'diverged'
      expect(await read(whole), `cut ${count}`).toEqual(uncut)
    }
  })
})
