import { describe, expect, test } from 'vitest'
import { StoreConflict, StoreUnavailable } from '../../std/store-error.ts'
import { spoilsConnection, storeErrorOf, UselessServer } from './driver-errors.ts'

/** As the driver gives what the server says. */
function said(code: string, message = 'no') {
  return Object.assign(new Error(message), { code, severity: 'ERROR' })
}

/** As Node gives what happened on the way. */
function happened(code: string) {
  return Object.assign(new Error(`it was ${code}`), { code })
}

describe('what PostgreSQL says', () => {
  test.each([
    ['25006', /takes no writes/],
    ['53100', /no room left on its disk/],
    ['53300', /no connections left/],
    ['57014', /did not finish a statement in time/],
    ['55P03', /did not finish a statement in time/],
    ['28P01', /does not let this user in/],
    ['57P01', /does not answer \(57P01/],
    ['40P01', /does not answer \(40P01/],
    ['42P01', /does not answer \(42P01/],
  ])('%s means that the store is not to be had now', (code, words) => {
    const cause = said(code)
    const error = storeErrorOf(cause, 'db:5432/x')
    expect(error).toBeInstanceOf(StoreUnavailable)
    expect(String(error)).toMatch(words)
    expect(String(error)).toContain('db:5432/x')
    expect(error).toHaveProperty('cause', cause)
  })

  test.each(['ECONNREFUSED', 'EPIPE', 'ECONNRESET'])('%s on the way does so too', (code) => {
    expect(storeErrorOf(happened(code), 'x')).toBeInstanceOf(StoreUnavailable)
  })

  test.each(['22P02', '22003', '23505', '23514'])(
    '%s speaks of the data, which asking again would not mend',
    (code) => {
      const cause = said(code)
      expect(storeErrorOf(cause, 'x')).toBe(cause)
    },
  )

  test('what is ours already stays what it is', () => {
    for (const error of [new StoreConflict('a'), new StoreUnavailable('b'), new RangeError('c')])
      expect(storeErrorOf(error, 'x')).toBe(error)
  })

  test('a connection is kept after a refusal of the data, and dropped where server or way are of no use', () => {
    expect(['23505', '22P02', '40P01', '57014'].map((code) => spoilsConnection(said(code)))).toEqual([
      false,
      false,
      false,
      false,
    ])
    expect(['25006', '57P01', '08006', 'XX000'].map((code) => spoilsConnection(said(code)))).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect(spoilsConnection(happened('EPIPE'))).toBe(true)
    expect(spoilsConnection(new Error('Connection terminated unexpectedly'))).toBe(true)
    expect(spoilsConnection(new UselessServer('a replica'))).toBe(true)
    expect(spoilsConnection(new StoreConflict('late'))).toBe(false)
  })
})
