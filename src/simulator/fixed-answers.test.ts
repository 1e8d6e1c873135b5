/** Answers made once: in every dialect they are answers that its reader takes in. */

import { describe, expect, test } from 'vitest'
import { targetDialects } from '../dialects/index.ts'
import { askedIn } from './dialect-asking.test-support.ts'
import { ask } from './raw-client.test-support.ts'
import { SIMULATED_DIALECTS } from './request.ts'
import { startSimulator } from './server.ts'

describe('fixed answers', () => {
  test.each(SIMULATED_DIALECTS)(
    '%s has a plain one of its size and a stream of its chunks',
    async (dialect) => {
      const server = await startSimulator({ fixed: { bodyBytes: 2_000, chunks: 7, writes: 'each' } })
      const target = targetDialects.get(dialect)
      const plain = await ask(server.port, askedIn(dialect))
      expect(plain.body.length).toBeLessThanOrEqual(2_000)
      expect(target?.readResult(plain.body).candidates).toMatchObject([{ finish: { reason: 'stop' } }])
      const stream = await ask(server.port, askedIn(dialect, { stream: true }))
      const reader = target?.createStreamReader()
      const events = [...(reader?.read(stream.body) ?? []), ...(reader?.end() ?? [])]
      expect(reader?.isComplete).toBe(true)
      expect(events.filter(({ type }) => type === 'text-delta')).toHaveLength(7)
      await server.close()
    },
  )
})
