import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createSeededIds, createSeededRandom } from '../../std/ids.ts'
import { ManualClock } from '../../std/manual-clock.test-support.ts'
import { SESSION_MS, Sessions } from './sessions.ts'

const LINK = { id: 'link_1', grant: { kind: 'role', role: 'owner' } } as const

function make() {
  const clock = new ManualClock()
  return { clock, sessions: new Sessions({ clock, ids: createSeededIds(createSeededRandom(1)) }) }
}

test('SEC-54: a session is over twelve hours after it began, and its token is kept as a hash', () => {
  const { clock, sessions } = make()
  const { token, session } = sessions.begin(LINK)
  expect(inspect(sessions, { depth: 9, showHidden: true })).not.toContain(token)
  expect(session.csrfToken).not.toBe(token)
  clock.advance(SESSION_MS - 1)
  expect(sessions.find(token)).toBe(session)
  clock.advance(1)
  expect(sessions.find(token)).toBeUndefined()
})

test('a thousand are kept; the oldest make room', () => {
  const { sessions } = make()
  const tokens = Array.from({ length: 1_010 }, () => sessions.begin(LINK).token)
  expect(tokens.filter((token) => sessions.find(token) !== undefined)).toEqual(tokens.slice(10))
  const last = tokens.at(-1) ?? ''
  sessions.end(last)
  expect(sessions.find(last)).toBeUndefined()
})
