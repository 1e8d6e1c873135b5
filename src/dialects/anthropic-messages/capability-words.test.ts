import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../errors/gateway-error.ts'
import { rejectedCapability, writeMessage } from './capability-words.ts'
import { readRequest } from './read-request.ts'
import { refuseSafeguards } from './safeguards.ts'

describe('a refusal of ours', () => {
  test.each([
    ['effort', 'effort_unsupported'],
    ['output_config.effort', 'effort_unsupported'],
    ['vision', 'image_block'],
    ['messages.image', 'image_block'],
    ['context-window', 'prompt_too_long'],
  ])('of what lacks %s is worded as Claude Code heals it', (lack, name) => {
    const error = new GatewayError('loss_refused', 'The route is strict.', { lacks: ['top_k', lack] })
    expect(writeMessage(error)).toBe(`capability_rejected: ${name}`)
  })

  test('that has no class keeps its words', () => {
    const error = new GatewayError('loss_refused', 'The route is strict.', { lacks: ['top_k'] })
    expect(rejectedCapability(error)).toBeUndefined()
    expect(writeMessage(error)).toBe('The route is strict.')
  })
})

describe('a provider’s refusal', () => {
  test('of a prompt too long is said as Anthropic says it, once', () => {
    const said = (message: string) => writeMessage(new GatewayError('context_length_exceeded', message))
    expect(said('The window is 8192 tokens.')).toBe('prompt is too long: The window is 8192 tokens.')
    const own = 'prompt is too long: 9000 tokens > 8192 maximum'
    expect(said(own)).toBe(own)
  })

  test('of anything else keeps its words', () => {
    expect(writeMessage(new GatewayError('upstream_invalid_request', 'effort: no.'))).toBe('effort: no.')
  })
})

test('safeguards are refused by their name, and only where they are asked for', () => {
  const read = (more: object) =>
    readRequest(
      Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...more })),
    )
  expect(refuseSafeguards(read({ safeguards: { level: 'high' } }))).toMatchObject({
    status: 400,
    facts: { param: 'safeguards' },
  })
  expect(refuseSafeguards(read({ safeguards: null }))).toBeUndefined()
  expect(refuseSafeguards(read({}))).toBeUndefined()
})
