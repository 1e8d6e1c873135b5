import { describe, expect, test } from 'vitest'
import { guardSources } from './source-guard.ts'

const guard = (path: string, text: string): readonly string[] => guardSources(new Map([[path, text]]))
const joined = (...parts: readonly string[]): string => parts.join('')

describe('the guard over the text', () => {
  test.each([
    ['SEC-58', 'src/cli/doctor.ts', `import { spawn } from 'node:child_process'`],
    ['SEC-58', 'src/cli/doctor.ts', `const late = await import("child_process")`],
    ['SEC-7', 'src/app/discover.ts', `await fetch('http://127.0.0.1')`],
    ['SEC-7', 'src/app/discover.ts', `await globalThis.fetch('http://127.0.0.1')`],
    ['SEC-7', 'src/app/discover.ts', `import { Agent } from 'undici'`],
    ['SEC-7', 'src/app/discover.ts', `const undici = await import('undici')`],
    ['SEC-7', 'src/app/discover.ts', `import { request } from 'node:https'`],
    ['SEC-7', 'src/app/discover.ts', `import http from 'node:http'\nhttp.get('http://127.0.0.1')`],
    ['SEC-7', 'src/app/discover.ts', `net.connect(80)`],
    ['SEC-7', 'src/app/discover.ts', `new WebSocket('ws://127.0.0.1')`],
    ['SEC-8', 'src/upstream/agent.ts', `const tls = { rejectUnauthorized: false }`],
    ['SEC-8', 'src/app/start.ts', joined('process.env.NODE_TLS', '_REJECT_UNAUTHORIZED = "0"')],
    ['SEC-8', 'src/stores/postgres/x.ts', `const tls = { checkServerIdentity: () => undefined }`],
    ['SEC-8', 'src/upstream/agent.ts', `const tls = { rejectUnauthorized: isStrict }`],
    ['SEC-8', 'src/upstream/agent.ts', `const tls = { minVersion: 'TLSv1.1' }`],
    ['SEC-52', 'src/app/plugins.ts', 'eval(text)'],
    ['SEC-52', 'src/app/plugins.ts', 'const run = new Function(text)'],
    ['SEC-52', 'src/app/plugins.ts', 'const run = Function(text)'],
    ['SEC-52', 'src/app/plugins.ts', 'const plugin = await import(name)'],
    ['SEC-52', 'src/app/plugins.ts', `const load = createRequire(here)`],
    ['SEC-52', 'src/app/plugins.ts', `import { runInNewContext } from 'node:vm'`],
    ['SEC-52', 'src/app/plugins.ts', `process.getBuiltinModule('child' + '_process')`],
    ['SEC-38', 'src/http/form-reading.ts', `import { createWriteStream } from 'node:fs'`],
    ['SEC-38', 'src/operations/files.ts', `const { open } = await import('fs/promises')`],
    ['SEC-34', 'src/routing/glob.ts', 'const found = new RegExp(name).test(text)'],
    ['SEC-34', 'src/routing/glob.ts', 'const found = RegExp (name)'],
    ['any', 'src/wire/sse.ts', 'const a = b as any'],
    ['any', 'src/wire/sse.ts', 'function f(a: any) {}'],
    ['any', 'src/wire/sse.ts', 'const a: Map<string, any> = b'],
    ['path of one machine', 'docs/a.md', joined('Look into /ho', 'me/someone.')],
    ['registry', 'README.md', joined('https://registry.', 'npmjs.org/holdfast')],
  ])('refuses a breach of %s in %s: %s', (rule, path, text) => {
    expect(guard(path, text)).toEqual([expect.stringContaining(rule)])
  })

  test.each([
    ['the client in its own room', 'src/upstream/transport.ts', `import { Agent } from 'undici'`],
    ['a server', 'src/http/server.ts', `import { createServer } from 'node:http'`],
    ['a test that dials', 'src/http/server.test.ts', `await fetch('http://127.0.0.1')`],
    ['a module by its name', 'src/app/start.ts', `await import('./other.ts')`],
    ['a file of the command line', 'src/cli/backup.ts', `import { existsSync } from 'node:fs'`],
    [
      'a TLS that is new enough',
      'src/upstream/dial.ts',
      `({ minVersion: 'TLSv1.2', rejectUnauthorized: true })`,
    ],
    ['the type of a function', 'src/std/x.ts', 'const isFunction = typeof x === "function"'],
    ['a pattern as it is written', 'src/routing/glob.ts', 'const digits: RegExp = /[0-9]+/'],
    ['a pattern of words of its own', 'src/keys/virtual-key.ts', 'new RegExp(`^${LENGTH}$`)'],
    ['a child process in a test', 'src/cli/main.test.ts', `import { spawn } from 'node:child_process'`],
    ['speaking of fetch', 'src/http/server.ts', `// fetch('x')\nconst words = 'fetch(x)'`],
    ['a method of that name', 'src/http/server.ts', 'this.fetch(1); cache.fetch(2)'],
    ['AbortSignal.any', 'src/http/server.ts', 'AbortSignal.any([a, b])'],
    ['the word any', 'src/http/server.ts', `// : any\nconst a = ': any'`],
    ['a path inside an address', 'docs/a.md', 'https://example.test/home/page'],
    ['the type of a connection', 'src/app/doctor.ts', `import { TLSSocket } from 'node:tls'`],
    [
      'speaking of the TLS variable',
      'src/app/start.ts',
      joined("'NODE_TLS", "_REJECT_UNAUTHORIZED=0 is refused'"),
    ],
    [
      'refusing to start without TLS',
      'src/app/start.ts',
      joined('if (env.NODE_TLS', '_REJECT_UNAUTHORIZED === "0")'),
    ],
  ])('lets pass %s', (_what, path, text) => {
    expect(guard(path, text)).toEqual([])
  })
})
