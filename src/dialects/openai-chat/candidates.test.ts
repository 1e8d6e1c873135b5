import { describe, expect, test } from 'vitest'
import { openaiChat } from './index.ts'
import { chunk, DONE, data, delta } from './streams.test-support.ts'

/** What each of the three makes of a stream for which so many candidates were asked, before it ends and after. */
function watch(text: string, candidates: number) {
  const reader = openaiChat.createStreamReader({ candidates })
  const passthrough = openaiChat.createPassthrough({ hidesUsage: false, candidates })
  const folder = openaiChat.createFolder({ candidates })
  const bytes = Buffer.from(text)
  reader.read(bytes)
  folder.read(bytes)
  const before = passthrough.read(bytes)
  const isWhole = () => [reader, passthrough.facts, folder.facts].map(({ isComplete }) => isComplete)
  const live = isWhole()
  reader.end()
  folder.end()
  const passed = Buffer.concat([before, passthrough.end()]).toString()
  return {
    live,
    ended: isWhole(),
    passed,
    anomalies: passthrough.facts.anomalies,
    error: passthrough.facts.error,
  }
}

const all = [true, true, true]
const none = [false, false, false]
const first = delta({ content: 'a' }, 'stop')
const second = delta({ content: 'b' }, 'stop', 1)

describe('an answer of two candidates', () => {
  test('fault 57: is broken off where the second never began, and gets no terminal', () => {
    expect(watch(first, 2)).toMatchObject({ live: none, ended: none, passed: first })
  })

  test('fault 57: is broken off where only the usage came after the first', () => {
    const usage = chunk([], { usage: { prompt_tokens: 1, completion_tokens: 1 } })
    expect(watch(first + usage, 2)).toMatchObject({ ended: none })
  })

  test('fault 57: is broken off where the second began and did not end, whatever the last word', () => {
    const text = first + delta({ content: 'b' }, null, 1)
    expect(watch(text, 2)).toMatchObject({ live: none, ended: none })
    expect(watch(text + DONE, 2)).toMatchObject({ ended: none, passed: text })
  })

  test('fault 60: is whole once both have ended, in any order and without [DONE]', () => {
    for (const text of [first + second, second + first])
      expect(watch(text, 2)).toMatchObject({ live: all, ended: all, passed: text + DONE })
  })

  test('is whole at [DONE] where the provider gives but one', () => {
    expect(watch(first + DONE, 2)).toMatchObject({ live: all, passed: first + DONE, anomalies: 0 })
  })

  test('is not whole at [DONE] before any has ended', () => {
    expect(watch(delta({ content: 'a' }) + DONE, 2)).toMatchObject({ ended: none, anomalies: 1 })
  })

  test('is whole where it comes in one piece and holds but one', () => {
    const answer = { id: 'x', choices: [{ index: 0, message: { content: 'Hi' }, finish_reason: 'stop' }] }
    expect(watch(JSON.stringify(answer), 2)).toMatchObject({ ended: all })
  })

  test('fails at an error between the two', () => {
    const text = first + data({ error: { message: 'x', code: 503 } }) + second
    expect(watch(text, 2)).toMatchObject({ ended: none, error: { code: 'upstream_unavailable' } })
  })
})

test('more candidates than asked for must all end', () => {
  const text = first + delta({ content: 'b' }, null, 1)
  expect(watch(text, 1)).toMatchObject({ live: none, ended: none })
  expect(watch(text + delta({}, 'stop', 1), 1)).toMatchObject({ live: all })
})
