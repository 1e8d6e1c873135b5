/** Every recorded request of other dialects, said in this one, is as AWS describes its API. */

import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../errors/gateway-error.ts'
import { anthropicMessages } from '../anthropic-messages/index.ts'
import type { Dialect } from '../dialect.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { openaiResponses } from '../openai-responses/index.ts'
import { bedrockConverse } from './index.ts'
import { hasRecordings, readRecordings, whySkipped } from './recordings.test-support.ts'
import { checkShape, hasServiceModel } from './service-model.test-support.ts'

const models = [
  'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
  'us.amazon.nova-2-lite-v1:0',
  'openai.gpt-oss-120b-1:0',
  'meta.llama3-2-1b-instruct-v1:0',
]

describe.skipIf(!hasRecordings || !hasServiceModel)(
  `recorded requests of other dialects${whySkipped}`,
  () => {
    test.each([
      ['openai-chat', openaiChat],
      ['anthropic-messages', anthropicMessages],
      ['openai-responses', openaiResponses],
    ] as const)('of %s become requests that AWS describes', { timeout: 60_000 }, (name, dialect) => {
      const requests = translatable(name, dialect)
      expect(requests.length).toBeGreaterThan(400)
      for (const { id, request } of requests) {
        for (const modelId of models) {
          const { fields } = bedrockConverse.writeRequest(request, { modelId, stream: true })
          expect(complaints(fields), `${id} for ${modelId}`).toEqual([])
        }
      }
    })
  },
)

test.skipIf(!hasServiceModel)('the check against the description can fail', () => {
  expect(
    checkShape('ConverseRequest', { messages: [{ role: 'tool', content: [{ text: 'a', image: {} }] }] }),
  ).toEqual([
    'ConverseRequest.messages[0].role: tool is no value of it',
    'ConverseRequest.messages[0].content[0]: 2 members of a union',
    'ConverseRequest.messages[0].content[0].image: lacks format',
    'ConverseRequest.messages[0].content[0].image: lacks source',
  ])
  expect(checkShape('ConverseRequest', { model: 'm' })).toEqual(['ConverseRequest: unknown model'])
})

/** Names of tools are the client's own: Bedrock itself says where one has a letter or a length it does not take. */
function complaints(fields: unknown): readonly string[] {
  return checkShape('ConverseRequest', fields).filter(
    (complaint) => !/(?:toolUse|toolSpec|tool)\.name: /.test(complaint),
  )
}

function translatable(name: string, dialect: Dialect) {
  return readRecordings(name).flatMap(({ id, request, status }) => {
    if (request === undefined || status >= 400) return []
    const body = Buffer.from(JSON.stringify({ model: 'm', ...request }))
    try {
      return [{ id, request: dialect.readRequest(body) }]
    } catch (error) {
      if (error instanceof GatewayError) return []
      throw error
    }
  })
}
