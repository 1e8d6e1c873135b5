/** The corpus reader: whatever a file holds, each line is a recording or a fault named by file and line. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { corpusFiles, readCorpusFile } from '../../conformance/corpus.ts'
import { runCorpus } from '../../conformance/run-corpus.ts'
import { chatDelta, chatStream } from './hand-written.test-support.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-corpus-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function write(file: string, lines: readonly string[]): void {
  writeFileSync(join(folder, `${file}.jsonl.gz`), gzipSync(lines.join('\n')))
}

const text = chatStream([chatDelta({ content: 'hi' }), chatDelta({}, 'stop')])
const whole = JSON.stringify({
  id: 'own.openai-chat.1',
  request: null,
  response: { status: 200, headers: null, text },
})

test('corrupt lines and files are failures by name, and unknown dialects are listed', async () => {
  write('openai-chat', [whole, '{"id":', '[]', '{"id":"x"}', '{"id":"x","response":{}}'])
  write('smoke-signals', [JSON.stringify({ id: 'own.smoke-signals.1', response: { status: 200 } })])
  writeFileSync(join(folder, 'ollama-chat.jsonl.gz'), 'not packed')
  const tally = await runCorpus({ folder, seed: 1 })
  expect(tally.failures.map(({ where }) => where)).toEqual([
    'ollama-chat:0',
    'openai-chat:2',
    'openai-chat:3',
    'openai-chat:4',
    'openai-chat:5',
  ])
  expect([...tally.uncovered]).toEqual([['smoke-signals', 1]])
  expect(tally.exchanges).toBe(1)
  expect(tally.passed).toBeGreaterThan(10)
})

test('the white space before a body, binary bytes and headers of any case are as on the wire', () => {
  const response = { status: 200, headers: { 'X-Request-Id': 'a' }, leading_ws: 3, body: { a: 1 } }
  write('openai-chat', [
    JSON.stringify({ id: '1', response }),
    JSON.stringify({ id: '2', response: { status: 200, base64: 'AAE=', chunk_lens: [1, 1] } }),
  ])
  const [padded, binary] = readCorpusFile(folder, 'openai-chat').recordings
  expect(padded?.response.bytes.toString()).toBe('   {"a":1}')
  expect(padded?.response.headers).toEqual({ 'x-request-id': 'a' })
  expect(binary?.response).toMatchObject({ form: 'binary', chunkLengths: [1, 1] })
})

test('a folder that is not there holds no files', () => {
  expect(corpusFiles(join(folder, 'none'))).toEqual([])
})
