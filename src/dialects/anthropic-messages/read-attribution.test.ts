import { expect, test } from 'vitest'
import { peek } from './peek.ts'
import { readAttribution } from './read-attribution.ts'

function attributionOf(metadata: unknown) {
  const body = Buffer.from(
    JSON.stringify({ model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }], metadata }),
  )
  return readAttribution(body, peek(body, 'chat'))
}

const DEVICE = '0123456789abcdef'.repeat(4)
const ACCOUNT = '00000000-0000-4000-8000-00000000000a'
const SESSION = '00000000-0000-4000-8000-00000000000b'

test('a user id names the end user', () => {
  expect(attributionOf({ user_id: 'müller', team: 'red' })).toEqual({ endUser: 'müller' })
})

test.each([
  ['of today', JSON.stringify({ device_id: DEVICE, account_uuid: ACCOUNT, session_id: SESSION }), ACCOUNT],
  [
    'without an account',
    JSON.stringify({ device_id: DEVICE, account_uuid: '', session_id: SESSION }),
    DEVICE,
  ],
  ['of before', `user_${DEVICE}_account_${ACCOUNT}_session_${SESSION}`, ACCOUNT],
  ['of before without an account', `user_${DEVICE}_account__session_${SESSION}`, DEVICE],
])('a Claude Code %s names its account or device, and its session apart', (_what, user_id, endUser) => {
  expect(attributionOf({ user_id })).toEqual({ endUser, sessionId: SESSION })
})

test('JSON that is not Claude Code’s is a name as any other', () => {
  for (const user_id of ['{"id":"ada"}', '{"id":', 'user_ada', '{}'])
    expect(attributionOf({ user_id })).toEqual({ endUser: user_id })
})

test('a session alone names nobody', () => {
  expect(attributionOf({ user_id: JSON.stringify({ session_id: SESSION }) })).toEqual({ sessionId: SESSION })
})

test.each([
  ['no metadata', undefined],
  ['null', null],
  ['no user', { team: 'red' }],
  ['no text', { user_id: null }],
  ['a blank', { user_id: ' ' }],
  ['more than is read', { user_id: 'ada', other: 'x'.repeat(5_000) }],
])('%s names nobody', (_what, metadata) => {
  expect(attributionOf(metadata)).toBeUndefined()
})
