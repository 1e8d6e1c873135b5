import { describe, expect, test } from 'vitest'
import { ATTRIBUTION_BYTES_MAX } from './body-attribution.ts'
import type { Dialect } from './dialect.ts'
import { openaiChat, openaiCompletions, openaiResponses } from './index.ts'

const requests: readonly (readonly [Dialect, object])[] = [
  [openaiChat, { model: 'm', messages: [{ role: 'user', content: 'hi' }] }],
  [openaiResponses, { model: 'm', input: 'hi' }],
  [openaiCompletions, { model: 'm', prompt: 'hi' }],
]

describe.each(requests.map(([dialect, asked]) => ({ id: dialect.id, dialect, asked })))(
  'a request of $id',
  ({ dialect, asked }) => {
    const read = (more: object) => {
      const body = Buffer.from(JSON.stringify({ ...asked, ...more }))
      return dialect.readAttribution?.(body, dialect.peek(body, 'chat'))
    }

    test('names its end user', () => {
      expect(read({ user: 'müller' })).toEqual({ endUser: 'müller' })
      expect(read({ safety_identifier: 'ada' })).toEqual({ endUser: 'ada' })
      expect(read({ safety_identifier: 'other', user: 'a"da' })).toEqual({ endUser: 'a"da' })
      expect(read({ safety_identifier: 'ada', user: '' })).toEqual({ endUser: 'ada' })
    })

    test('names nobody without a short text that says so', () => {
      for (const more of [{}, { user: ' ' }, { user: null }, { user: 'x'.repeat(ATTRIBUTION_BYTES_MAX) }])
        expect(read(more)).toBeUndefined()
    })
  },
)
