/** Google's SDK, asked to generate content. It takes no `fetch` of ours, so the process's own is replaced while it reads. */

import { GoogleGenAI } from '@google/genai'
import { geminiPlain } from '../oracle/gemini.ts'
import type { Reading } from '../oracle/reading.ts'
import { CannedFetch, errorThrownBy, type OfficialClient, thrownBy } from './official-client.ts'

const canned = new CannedFetch()
const client = new GoogleGenAI({ apiKey: 'unused', httpOptions: { baseUrl: 'http://sdk.invalid' } })
const question = { model: 'any', contents: 'Anything.' }

export const geminiClient: OfficialClient = {
  id: 'gemini',
  async readPlain(body) {
    canned.plain(body)
    return readingOf(await withCanned(() => client.models.generateContent(question)))
  },
  async readStream(text) {
    canned.stream(text)
    return readingOf(await withCanned(readChunks))
  },
  readError(status, body) {
    canned.refusal(status, body)
    return errorThrownBy(() => withCanned(() => client.models.generateContent(question)))
  },
  readStreamError(text) {
    canned.stream(text)
    return thrownBy(() => withCanned(readChunks))
  },
}

async function readChunks(): Promise<readonly unknown[]> {
  const chunks: unknown[] = []
  for await (const chunk of await client.models.generateContentStream(question)) chunks.push(chunk)
  return chunks
}

async function withCanned<T>(call: () => Promise<T>): Promise<T> {
  const { fetch } = globalThis
  globalThis.fetch = canned.fetch
  try {
    return await call()
  } finally {
    globalThis.fetch = fetch
  }
}

function readingOf(answer: unknown): Reading {
  const verdict = geminiPlain(answer)
  if (verdict.kind === 'whole' || verdict.kind === 'empty') return verdict.reading
  throw new Error(`The SDK made no answer of it: ${JSON.stringify(verdict).slice(0, 200)}`)
}
