import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { wallTarget } from '../upstream/wall.ts'
import type { EncodedCall } from './encode-call.ts'
import { RefusedFields } from './refused-fields.ts'

const target = wallTarget('http://127.0.0.1:1')
const refusalOf = (param: string, upstreamType = 'unsupported_value') =>
  new GatewayError('upstream_invalid_request', 'No.', { param, upstreamType })

function callOf(fields: object): EncodedCall {
  return {
    mode: 'plain',
    isTranslated: false,
    path: '/',
    headers: {},
    body: Buffer.from(JSON.stringify(fields)),
    losses: [],
  }
}

test('a sampling parameter that was refused is left out from then on, and named', () => {
  const refused = new RefusedFields()
  const call = callOf({ model: 'm', temperature: 0, messages: [] })
  expect(refused.leaveOut(call, target)).toBe(call)
  expect(refused.learn(target, refusalOf('temperature'), call)).toBe(true)
  const left = refused.leaveOut(call, target)
  expect(JSON.parse(Buffer.from(left.body).toString())).toEqual({ model: 'm', messages: [] })
  expect(left.losses).toMatchObject([{ field: 'temperature' }])
  const other = wallTarget('http://127.0.0.1:2')
  expect(refused.leaveOut(call, other)).toBe(call)
})

test('nothing is learned twice, of what was not sent, of other fields, or of a wrong value', () => {
  const refused = new RefusedFields()
  const call = callOf({ model: 'm', temperature: 9, max_tokens: 5 })
  expect(refused.learn(target, refusalOf('top_p'), call)).toBe(false)
  expect(refused.learn(target, refusalOf('max_tokens'), call)).toBe(false)
  expect(refused.learn(target, refusalOf('temperature', 'invalid_request_error'), call)).toBe(false)
  expect(refused.learn(target, refusalOf('temperature'), call)).toBe(true)
  expect(refused.learn(target, refusalOf('temperature'), call)).toBe(false)
})
