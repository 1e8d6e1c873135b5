import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createSeededIds, createSeededRandom, systemIds } from '../../std/ids.ts'
import { ManualClock } from '../../std/manual-clock.test-support.ts'
import { SIGN_IN_LINK_MS, SignInLinks } from './sign-in.ts'

const OWNER = { kind: 'role', role: 'owner' } as const

function make() {
  const clock = new ManualClock()
  return { clock, links: new SignInLinks({ clock, ids: createSeededIds(createSeededRandom(1)) }) }
}

const tokenOf = ({ path }: { readonly path: string }) => path.slice('/sign-in?token='.length)

test('SEC-9: a link has 256 random bits, no two alike, and is kept as a hash', () => {
  const links = new SignInLinks({ clock: new ManualClock(), ids: systemIds })
  const tokens = Array.from({ length: 100 }, () => tokenOf(links.make(OWNER)))
  for (const token of tokens) expect(token).toMatch(/^[0-9a-f]{64}$/)
  expect(new Set(tokens).size).toBe(100)
  const kept = inspect(links, { depth: 9, showHidden: true })
  for (const token of tokens) expect(kept).not.toContain(token)
})

test('is used once, and only while it is good', () => {
  const { clock, links } = make()
  const [first, second] = [links.make(OWNER), links.make(OWNER)]
  expect(first.expiresAtMs).toBe(clock.wallMs() + SIGN_IN_LINK_MS)
  expect(links.use(tokenOf(first))).toMatchObject({ grant: OWNER, id: expect.stringMatching(/^link_/) })
  expect(links.use(tokenOf(first))).toBeUndefined()
  clock.advance(SIGN_IN_LINK_MS)
  expect(links.use(tokenOf(second))).toBeUndefined()
  for (const wrong of ['', 'x', '0'.repeat(64), 'constructor']) expect(links.use(wrong)).toBeUndefined()
})

test('a clock that is set back or forth makes no link live longer', () => {
  const clock = new ManualClock()
  let offMs = 0
  const skewed = {
    wallMs: () => clock.wallMs() + offMs,
    nowMs: () => clock.nowMs(),
    after: (delayMs: number, callback: () => void) => clock.after(delayMs, callback),
  }
  const links = new SignInLinks({ clock: skewed, ids: createSeededIds(createSeededRandom(1)) })
  const first = links.make(OWNER)
  offMs = -SIGN_IN_LINK_MS
  clock.advance(SIGN_IN_LINK_MS)
  expect(links.use(tokenOf(first))).toBeUndefined()
  const second = links.make(OWNER)
  offMs = SIGN_IN_LINK_MS
  expect(links.use(tokenOf(second))).toBeUndefined()
})

test('the oldest make room for new ones', () => {
  const { links } = make()
  const tokens = Array.from({ length: 300 }, () => tokenOf(links.make(OWNER)))
  const good = tokens.filter((token) => links.use(token) !== undefined)
  expect(good).toEqual(tokens.slice(-256))
})
