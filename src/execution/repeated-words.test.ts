import { describe, expect, test } from 'vitest'
import { withoutRepetitions } from './repeated-words.ts'

const prompt = 'Dear diary, today nobody saw what I did behind the greenhouse.'
const request = (content: string) =>
  Buffer.from(JSON.stringify({ model: 'a-model', max_completion_tokens: 5, messages: [{ content }] }))

describe('SEC-25: what a provider repeats of the request', () => {
  test.each([
    ['whole', `Invalid message: ${prompt} Try again.`, 'Invalid message: [from the request] Try again.'],
    ['in part', `Near "${prompt.slice(5, 45)}": refused`, 'Near "[from the request]": refused'],
    [
      'as JSON',
      `Bad input [${JSON.stringify({ content: prompt })}] given`,
      'Bad input [from the request] given',
    ],
    [
      'twice',
      `${prompt} is ${prompt.slice(0, 30)}, so no`,
      '[from the request] is [from the request], so no',
    ],
  ])('is left out of what is published: %s', (_name, words, told) => {
    expect(withoutRepetitions(words, request(prompt))).toBe(told)
  })

  test('is left out in any alphabet, and no half character stays', () => {
    const chinese = '今天我在温室后面做了一件谁也没有看见的事情'
    const told = withoutRepetitions(`内容“${chinese}”不可用`, request(chinese))
    expect(told).toBe('内容“[from the request]”不可用')
  })

  test.each([
    'Unsupported parameter: max_completion_tokens is not supported with a-model.',
    'The provider is overloaded.',
    '',
  ])('names of fields and models stay, and so does what was not in it: %j', (words) => {
    expect(withoutRepetitions(words, request(prompt))).toBe(words)
  })

  test('is not looked for in a request that is too large: nothing is told', () => {
    expect(withoutRepetitions('Words.', request('x'.repeat(1_100_000)))).toBeUndefined()
  })

  test('is found in a large request at once', () => {
    const large = request('lorem ipsum '.repeat(80_000) + prompt)
    withoutRepetitions(prompt, large)
    const beganAtMs = performance.now()
    expect(withoutRepetitions(`No: ${prompt}`, large)).toBe('No:[from the request]')
    // What looks at each place anew takes minutes.
    expect(performance.now() - beganAtMs).toBeLessThan(1_000)
  })
})
