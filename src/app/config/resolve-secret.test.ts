import { expect, test } from 'vitest'
import { resolveSecret } from './resolve-secret.ts'

function fromFile(text: string) {
  const sources = { env: {}, directory: '/etc/holdfast', readFile: () => text }
  const resolved = resolveSecret({ kind: 'file', path: 'key.json' }, sources)
  return resolved.type === 'secret' ? resolved.secret.reveal() : resolved.message
}

test('a key file of several fields is one key, whatever its layout', () => {
  const fields = { client_email: 'a@example.com', private_key: '-----BEGIN\nKEY-----\n' }
  expect(fromFile(`${JSON.stringify(fields, undefined, 2)}\n`)).toBe(JSON.stringify(fields))
})

test('a key with a line break that is no layout is refused', () => {
  expect(fromFile('one\ntwo')).toContain('line breaks')
  expect(fromFile('{"cut":\n1')).toContain('line breaks')
})
