import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { repositoryRoot } from '../tools/checks/source-files.ts'
import { allCells, requestBody } from './cells.ts'

const run = promisify(execFile)

test('the bench measures the gateway beside the bare relay, and every answer is whole', async () => {
  const args = [join('bench', 'main.ts'), '--quick', '--json']
  const { stdout } = await run(process.execPath, args, { cwd: repositoryRoot })
  // What the command has just written, in the shape of BenchResult.
  const result = JSON.parse(stdout) as {
    readonly cells: readonly {
      readonly figures: readonly { contestant: string; requestsPerSecond: number }[]
    }[]
    readonly books: readonly { name: string; throughputRatio: number; addedP99Us: number }[]
  }
  expect(result.cells).toHaveLength(4)
  for (const { figures } of result.cells) {
    expect(figures.map(({ contestant }) => contestant)).toEqual(['bare relay', 'holdfast'])
    expect(figures.every(({ requestsPerSecond }) => requestsPerSecond > 0)).toBe(true)
  }
  expect(result.books.map(({ name }) => name)).toEqual([
    'with books, 1 KB, plain',
    'with books, 1 KB, 50 chunks',
    'with an Idempotency-Key, 1 KB, plain',
    'cached, 1 KB, plain',
    'cached, 1 KB, 50 chunks',
    'cached, 1 KB, plain after 20 ms',
    'cached, 1 KB, 50 paced chunks',
  ])
  for (const { throughputRatio, addedP99Us } of result.books) {
    expect(throughputRatio).toBeGreaterThan(0)
    expect(Number.isFinite(addedP99Us)).toBe(true)
  }
}, 120_000)

test.each(allCells.map((cell) => [cell.name, cell] as const))(
  'the request of "%s" has exactly the size it is named for',
  (_name, cell) => {
    const body = requestBody(cell, 'bench-openai/bench-model')
    expect(Buffer.byteLength(body)).toBe(cell.requestBytes)
    expect(body).toMatch(/"(?:max_tokens|max_output_tokens|maxOutputTokens)":256/)
  },
)
