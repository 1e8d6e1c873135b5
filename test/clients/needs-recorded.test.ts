/**
 * What clients of the Responses API and of Gemini really sent, over providers of four dialects: every request is answered to
 * its last word, and no text of the conversation is lost. The agents of the other two dialects are replayed in
 * recorded-agents.test.ts.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { arrayOf, isJsonObject, type JsonObject, type JsonValue } from '../../src/std/json.ts'
import { type EveryDialect, openEveryDialect } from '../support/every-dialect.ts'
import { allText, readEvents, saidText } from '../support/raw-asking.ts'
import {
  hasRecordedAgents,
  type RecordedRequest,
  readRecordedAgent,
  whyNoRecordedAgents,
} from '../support/recorded-agents.ts'

const AGENTS = [
  'codex',
  'gemini-cli',
  'opencode-openai',
  'copilot-responses',
  'pi-openai-responses',
  'pi-google-generative-ai',
  'openai',
  'openai-agents',
  'vercel-ai',
  'google-genai',
  'langchain',
  'legacy',
]
const TARGETS = ['chat', 'messages', 'responses', 'gemini']
const TIMEOUT_MS = 60_000

let world: EveryDialect
beforeAll(async () => {
  world = await openEveryDialect()
})
afterAll(() => world[Symbol.asyncDispose]())

const RESPONSES_PATH = /\/responses(?:\?|$)/
const GEMINI_PATH = /\/models\/([^/:]+):(generateContent|streamGenerateContent)/

/** What refers to an answer of their own server cannot be replayed before another; nor can what is meant to be refused. */
function isMeantToBeAnswered({ name, method, path, body }: RecordedRequest): boolean {
  if (method !== 'POST' || body === undefined || /error\.|background/.test(name)) return false
  if (JSON.stringify(body).includes('"item_reference"') || body['previous_response_id']) return false
  if (RESPONSES_PATH.test(path)) return body['input'] !== undefined && body['model'] !== undefined
  return GEMINI_PATH.test(path) && arrayOf(body['contents']).length > 0
}

/** The texts of a conversation in either dialect. */
function textsOf(body: JsonObject): readonly string[] {
  const turns = [...arrayOf(body['input']), ...arrayOf(body['contents'])].filter(isJsonObject)
  const parts = turns.flatMap((turn) => [...arrayOf(turn['content']), ...arrayOf(turn['parts'])])
  const own = [body['input'], body['instructions'], ...turns.map(({ content }) => content)]
  const texts = parts.flatMap((part) =>
    isJsonObject(part) && part['thought'] !== true ? [part['text']] : [],
  )
  return [...own, ...texts].filter((text): text is string => typeof text === 'string' && text.trim() !== '')
}

describe.skipIf(!hasRecordedAgents)(`recorded clients of Responses and Gemini${whyNoRecordedAgents}`, () => {
  test.each(AGENTS.flatMap((agent) => TARGETS.map((target) => ({ agent, target }))))(
    '$agent is served by a provider that speaks $target',
    async ({ agent, target }) => {
      const requests = readRecordedAgent(agent).filter(isMeantToBeAnswered)
      expect(requests.length).toBeGreaterThan(0)
      for (const request of requests) await replay(request, target)
    },
    TIMEOUT_MS,
  )
})

async function replay({ name, path, headers, body }: RecordedRequest, target: string): Promise<void> {
  const model = `${target}/mock`
  const isGemini = GEMINI_PATH.test(path)
  const response = await fetch(world.url + path.replace(GEMINI_PATH, `/models/${model}:$2`), {
    method: 'POST',
    headers: Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, uncut(value)])),
    body: JSON.stringify(isGemini ? body : { ...body, model }),
  })
  const text = await response.text()
  expect([name, response.status, response.status === 200 ? '' : text]).toEqual([name, 200, ''])
  expectWhole(name, text, isGemini)
  const sent = world.simulator.calls.findLast(({ method }) => method === 'POST')
  // Sound: what the gateway sends to a provider is JSON.
  const heard = allText(JSON.parse(Buffer.from(sent?.body ?? []).toString()) as JsonValue)
  const lost = textsOf(body ?? {}).filter((said) => !heard.includes(said))
  expect([name, lost]).toEqual([name, []])
}

/** Long headers were cut: brought back to their length. */
const uncut = (value: string) =>
  value.replace(/…\[elided, (\d+) chars in all\]$/, (_, length: string) => 'x'.repeat(Number(length)))

function expectWhole(name: string, text: string, isGemini: boolean): void {
  const isStream = /^(?:event|data):/.test(text)
  const isArray = text.trimStart().startsWith('[')
  if (isGemini) return expect([name, text]).toEqual([name, expect.stringContaining('"finishReason"')])
  if (isStream) return expect([name, readEvents(text).at(-1)?.name]).toEqual([name, 'response.completed'])
  if (!isArray)
    expect([name, saidText(text) === '' && !text.includes('function_call')]).toEqual([name, false])
}
