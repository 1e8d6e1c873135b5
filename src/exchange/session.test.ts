import { expect, test } from 'vitest'
import { sessionOf } from './session.ts'

test.each([
  [{ 'x-session-id': 's1', 'x-client-request-id': 'r1' }, 's1'],
  [{ 'x-claude-code-session-id': 's2' }, 's2'],
  [{ 'session-id': 's3', 'thread-id': 't3' }, 's3'],
  [{ 'x-session-affinity': 's4' }, 's4'],
  [{ 'x-client-request-id': 'r5' }, 'r5'],
  [{ 'x-session-id': '', 'thread-id': 't6' }, 't6'],
  [{ 'x-session-id': 'two words' }, undefined],
  [{ 'x-session-id': 'x'.repeat(129) }, undefined],
  [{ 'x-session-id': ['a', 'b'] }, undefined],
  [{}, undefined],
])('of %j it is %s', (headers, session) => {
  expect(sessionOf(headers)).toBe(session)
})
