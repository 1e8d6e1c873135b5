/** SEC-7: who may open a connection to anywhere is a short list, and everything else goes through it. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readConnectionUrl } from '../../src/stores/postgres/connection-url.ts'
import { readSourceFiles } from '../../tools/checks/source-files.ts'
import { runToEnd } from '../support/gateway-process.ts'

/** What opens a connection, and the files that may. */
const OPENERS: readonly { readonly means: RegExp; readonly files: readonly string[] }[] = [
  { means: /from 'undici'/, files: ['src/upstream/'] },
  { means: /(?:from|import\() ?'pg'/, files: ['src/stores/postgres/connections.ts'] },
  {
    means: /import \{[^}]*\b(?:connect|createConnection)\b[^}]*\} from 'node:(?:net|tls)'/,
    files: ['src/upstream/dial.ts'],
  },
  {
    means: /import \{[^}]*\b(?:request|get)\b[^}]*\} from 'node:https?'/,
    files: ['src/upstream/ask-own.ts'],
  },
  { means: /\bnew (?:WebSocket|EventSource|XMLHttpRequest)\(/, files: [] },
  { means: /(?<![\w.#])fetch\(/, files: [] },
  { means: /from 'node:(?:dgram|http2|child_process|cluster)'/, files: [] },
]

test('SEC-7: nothing but the dialer and the drivers of stores opens a connection', () => {
  const found = sources().flatMap(({ name, text }) =>
    OPENERS.flatMap(({ means, files }) =>
      means.test(text) && !files.some((file) => name.startsWith(file)) ? [`${name}: ${means.source}`] : [],
    ),
  )
  expect(found).toEqual([])
})

test('SEC-8: a database beyond this machine is asked over TLS whose certificate is checked, whatever the address says', () => {
  for (const mode of ['allow', 'prefer', 'require', 'verify-ca', 'verify-full', undefined]) {
    const url = `postgres://u:p@db.example/x${mode === undefined ? '' : `?sslmode=${mode}`}`
    const read = readConnectionUrl(url)
    if (read.type === 'refused') continue
    expect([mode, read.address.tls]).not.toEqual([mode, false])
    expect(JSON.stringify(read.address.tls)).not.toMatch(/Unauthorized":false/)
  }
})

test('SEC-8: no command speaks to a database where the environment switches the checking of certificates off', async () => {
  for (const [command, words] of [
    ['key', ['create', 'laptop']],
    ['key', ['list']],
    ['usage', []],
  ] as const) {
    const { code, stdout, stderr } = await runToEnd({
      command,
      words,
      prepare: (folder) =>
        writeFileSync(
          join(folder, 'holdfast.yaml'),
          'store: { kind: postgres, url: "postgres://u:p@127.0.0.1:1/x?sslmode=verify-full" }\n',
        ),
      env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
    })
    expect([command, words, code, stdout]).toEqual([command, words, 4, ''])
    expect(stderr).toContain('NODE_TLS_REJECT_UNAUTHORIZED=0 switches off')
  }
})

function sources(): readonly { readonly name: string; readonly text: string }[] {
  return [...readSourceFiles('src')]
    .map(([name, text]) => ({ name, text }))
    .filter(({ name }) => name.endsWith('.ts') && !/\.test(?:-support)?\.ts$/.test(name))
}
