import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { createSeededRandom } from '../std/ids.ts'
import { describeKeyWeakness, isWeakKey } from './weak-key.ts'

test.each([
  '',
  'sk-1234',
  'changeme',
  'fifteen-chars-x',
  'aaaaaaaaaaaaaaaaaaaa',
  'abababababababababab',
  'sk-changeme-changeme',
  'CHANGE_ME_CHANGE_ME',
  'your-api-key-here',
  'sk-your_api_key_here',
  'my-password-is-secret',
  'sk-1234567890abcdef',
  'sk-0123456789012345',
  '1234567890123456',
  'abcdefghijklmnopqrst',
  'a key with white space',
  'placeholder-placeholder',
])('SEC-17: %j is weak', (key) => {
  expect(isWeakKey(key)).toBe(true)
})

test('random keys are not', () => {
  // From a seed: of true chance, one in 1.7 million in base64 spells "dummy". Hexadecimal digits spell none of the words.
  const random = createSeededRandom(17)
  const draw = (bytes: number) => Buffer.from(Array.from({ length: bytes }, () => random.next() * 256))
  for (let count = 0; count < 500; count += 1) {
    for (const key of [`sk-${draw(24).toString('hex')}`, randomUUID(), draw(18).toString('base64url')]) {
      expect(describeKeyWeakness(key), key).toBeUndefined()
    }
  }
})

test('the weakness never repeats the key', () => {
  for (const key of ['changeme', 'changeme-s3cr3t-changeme', 's3cr3t']) {
    expect(describeKeyWeakness(key)).not.toMatch(/s3cr3t|changeme/)
  }
})
