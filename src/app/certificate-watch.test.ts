import { expect, test } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { Secret } from '../std/secret.ts'
import type { NoticeRecord } from '../telemetry/records.ts'
import { CertificateWatch } from './certificate-watch.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

const certificate = (fingerprint: string, endsAtMs: number) => ({
  pair: { chain: '', key: new Secret('key') },
  certPath: '/c/fullchain.pem',
  keyPath: '/c/privkey.pem',
  fingerprint,
  names: [],
  endsAtMs,
})

function watched() {
  const clock = new ManualClock()
  const notices: NoticeRecord[] = []
  const watch = new CertificateWatch({ clock, onNotice: (notice) => notices.push(notice) })
  const told = () => notices.splice(0).map(({ level, name, facts }) => [level, name, facts?.['daysLeft']])
  /** The watch looks again each hour, in a turn of its own. */
  const pass = async (ms: number) => {
    for (let leftMs = ms; leftMs > 0; leftMs -= HOUR_MS) {
      clock.advance(Math.min(leftMs, HOUR_MS))
      await new Promise(setImmediate)
    }
  }
  return { clock, watch, told, pass }
}

test('fault 143: the end of the certificate is told 30, 7 and 1 days ahead, and when it has come, each once', async () => {
  const { clock, watch, told, pass } = watched()
  watch.follow(certificate('one', clock.wallMs() + 31 * DAY_MS))
  await pass(DAY_MS - HOUR_MS)
  expect(told()).toEqual([])
  await pass(HOUR_MS)
  expect(told()).toEqual([['warn', 'certificate_ends', 30]])
  await pass(23 * DAY_MS - HOUR_MS)
  expect(told()).toEqual([])
  await pass(HOUR_MS)
  expect(told()).toEqual([['warn', 'certificate_ends', 7]])
  await pass(6 * DAY_MS)
  expect(told()).toEqual([['error', 'certificate_ends', 1]])
  await pass(DAY_MS)
  expect(told()).toEqual([['error', 'certificate_ended', 0]])
  await pass(5 * DAY_MS)
  expect(told()).toEqual([])
})

test('fault 143: one that is due is told at once, again only where it is another, and not after the end', async () => {
  const { clock, watch, told, pass } = watched()
  const due = certificate('one', clock.wallMs() + 3 * DAY_MS)
  watch.follow(due)
  watch.follow(due)
  expect(told()).toEqual([['warn', 'certificate_ends', 3]])
  watch.follow(certificate('two', clock.wallMs() + 4 * DAY_MS))
  expect(told()).toEqual([['warn', 'certificate_ends', 4]])
  watch.follow(certificate('three', clock.wallMs() + 90 * DAY_MS))
  expect(watch.endsAtMs).toBe(clock.wallMs() + 90 * DAY_MS)
  await pass(10 * DAY_MS)
  expect(told()).toEqual([])
  watch.stop()
  expect(clock.pendingTimers).toBe(0)
})
