import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { SpoolSpace } from './spool-space.ts'

test('takes as much as there is and not a byte more', () => {
  const space = new SpoolSpace(100)
  space.take(60)
  expect(() => space.take(41)).toThrow(GatewayError)
  expect(space.bytes).toBe(60)
  space.take(40)
  space.give(100)
  expect(space.bytes).toBe(0)
})
