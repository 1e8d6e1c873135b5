/**
 * What real coding agents sent, byte for byte of their habits, replayed over providers of both dialects: every request
 * is answered, and in the other dialect nothing that was said to the model is lost and nothing is said that a real provider
 * would refuse.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isJsonObject, type JsonObject } from '../../src/std/json.ts'
import { type ClientDialect, readAnswer } from '../support/client-answer.ts'
import { openStage, type Stage, type Upstream, UPSTREAMS } from '../support/clients.ts'
import {
  essenceOf,
  hasRecordedAgents,
  type RecordedRequest,
  readRecordedAgent,
  whyNoRecordedAgents,
} from '../support/recorded-agents.ts'
import { chatRequestFaults, messagesRequestFaults } from '../../src/dialects/strict-requests.test-support.ts'

const AGENTS = [
  'claude-code',
  'qwen-code',
  'cline',
  'opencode',
  'opencode-anthropic',
  'copilot',
  'copilot-anthropic',
  'continue',
  'pi',
  'pi-anthropic-messages',
]

/** Libraries and frameworks: of theirs only what speaks our dialects and is meant to be answered. */
const LIBRARIES = [
  'openai',
  'anthropic',
  'vercel-ai',
  'langchain',
  'llamaindex',
  'mastra',
  'instructor',
  'openai-agents',
  'promptfoo',
  'groq',
  'mistral',
  'legacy',
]

/** One agent's requests to one provider take a second or two on a slow machine. */
const TIMEOUT_MS = 60_000

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

/** Their error cases ask for nothing, or for a thread that only its own provider could keep. */
function isMeantToBeAnswered({ path, body }: RecordedRequest): boolean {
  if (body === undefined || !/\/(?:chat\/completions|messages)(?:\?|$)/.test(path)) return false
  const isWhole = Array.isArray(body['messages']) && body['messages'].length > 0
  const hasCeiling = path.includes('/chat/completions') || body['max_tokens'] !== undefined
  return isWhole && hasCeiling && body['thread'] === undefined
}

const send = ({ method, path, headers, body }: RecordedRequest, model: string) =>
  fetch(stage.url + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify({ ...body, model }) }),
  })

const dialectOf = ({ path }: RecordedRequest): ClientDialect =>
  path.includes('/messages') ? 'anthropic-messages' : 'openai-chat'

describe.skipIf(!hasRecordedAgents)(`recorded agents${whyNoRecordedAgents}`, () => {
  test.each(AGENTS.flatMap((agent) => UPSTREAMS.map((upstream) => ({ agent, upstream }))))(
    '$agent is served by a provider that speaks $upstream',
    async ({ agent, upstream }) => {
      const requests = readRecordedAgent(agent)
      expect(requests.length).toBeGreaterThan(10)
      for (const request of requests) await replay(request, upstream)
    },
    TIMEOUT_MS,
  )

  test.each(LIBRARIES.flatMap((library) => UPSTREAMS.map((upstream) => ({ library, upstream }))))(
    '$library is served by a provider that speaks $upstream',
    async ({ library, upstream }) => {
      const requests = readRecordedAgent(library).filter(isMeantToBeAnswered)
      expect(requests.length).toBeGreaterThan(0)
      for (const request of requests) await replay(request, upstream)
    },
    TIMEOUT_MS,
  )
})

async function replay(request: RecordedRequest, upstream: Upstream): Promise<void> {
  const response = await send(request, `${upstream}/mock`)
  const { name, body } = request
  if (body === undefined) return expect([name, response.status]).toEqual([name, 200])
  const answer = await readAnswer(response, dialectOf(request))
  expect([name, answer.status, answer.error]).toEqual([name, 200, undefined])
  expect([name, answer.hasTerminal]).toEqual([name, true])
  expect([name, answer.text !== '' || answer.toolCalls.length > 0]).toEqual([name, true])
  expect([name, answer.finish]).toEqual([name, expect.any(String)])
  const received = stage.lastBody()
  expectNothingLost(name, body, received)
  if (targetDialect[upstream] === dialectOf(request)) return
  const faultsOf = upstream === 'chat' ? chatRequestFaults : messagesRequestFaults
  expect([name, faultsOf(received)]).toEqual([name, []])
}

const targetDialect: Readonly<Record<Upstream, ClientDialect>> = {
  chat: 'openai-chat',
  messages: 'anthropic-messages',
}

/** What was said and which tools were offered stands in the request that the provider read. */
function expectNothingLost(name: string, sent: JsonObject, received: JsonObject): void {
  const heard = allText(received)
  const lost = essenceOf(sent).filter((text) => !heard.includes(text))
  expect([name, lost]).toEqual([name, []])
}

function allText(value: unknown): string {
  if (typeof value === 'string') return value
  const parts = Array.isArray(value) ? value : isJsonObject(value) ? Object.values(value) : []
  return parts.map(allText).join('\n')
}
