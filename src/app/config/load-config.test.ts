import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { isJsonObject, parseJson } from '../../std/json.ts'
import { describeConfig, type HoldfastConfig } from './config.ts'
import { formatFault } from './fault.ts'
import { loadConfig, type LoadConfigOptions } from './load-config.ts'
import { writeJsonSchema } from './schema.ts'

const clientKey = 'sk-0f1e2d3c4b5a69788796a5b4c3d2e1f0'

function faultsOf(text: string, options: Partial<LoadConfigOptions> = {}): readonly string[] {
  const loaded = loadConfig({ text, env: {}, ...options })
  return loaded.ok ? [] : loaded.faults.map(formatFault)
}

function configOf(text: string, options: Partial<LoadConfigOptions> = {}): HoldfastConfig {
  const loaded = loadConfig({ text, env: {}, ...options })
  if (!loaded.ok) throw new Error(loaded.faults.map(formatFault).join('\n'))
  return loaded.config
}

describe('a sound file', () => {
  const text = `# yaml-language-server: $schema=docs/holdfast.schema.json
listen: 127.0.0.1:5151
keys: [{ name: laptop, key: "\${LAPTOP_KEY}" }]
providers:
  anthropic: {}
  groq:
  backup: { dialect: openai-chat, baseUrl: http://127.0.0.1:8000/v1/, credential: "os.environ/BACKUP_KEY", models: [qwen3] }
  eu:
    provider: openai
    baseUrl: https://eu.api.openai.com/v1
    credential: "\${EU_KEY}"
    headers: { X-Team: "team \${TEAM}" }
    timeouts: { connect: 500ms, firstToken: 90s, idle: 1.5m }
routes:
  smart: { targets: [anthropic/claude-sonnet-4-5, cheap, backup/qwen3], deadline: 5m, retries: 1, strict: true }
  cheap: { targets: [deepseek/deepseek-chat, backup/qwen3] }
limits: { bodyBytes: 8MiB, requestsInFlight: 10 }
log: { level: warn, format: json }
`
  const env = {
    LAPTOP_KEY: clientKey,
    ANTHROPIC_API_KEY: 'a-key',
    GROQ_API_KEY: 'g-key',
    BACKUP_KEY: 'b-key',
    EU_KEY: 'e-key',
    TEAM: 'red',
    DEEPSEEK_API_KEY: 'd-key',
  }

  test('becomes a configuration with every reference followed', () => {
    const config = configOf(text, { env })
    expect(config).toMatchObject({
      listen: { host: '127.0.0.1', port: 5151 },
      limits: { bodyBytes: 8 * 1024 ** 2, requestsInFlight: 10, responseBytes: 256 * 1024 ** 2 },
      log: { level: 'warn', format: 'json' },
      discover: true,
      warnings: [],
    })
    expect(config.keys.map(({ name, key }) => [name, key.reveal()])).toEqual([['laptop', clientKey]])
    expect(
      config.providers.map(({ provider, credential, origin }) => [provider.id, credential?.reveal(), origin]),
    ).toEqual([
      ['anthropic', 'a-key', 'file'],
      ['groq', 'g-key', 'file'],
      ['backup', 'b-key', 'file'],
      ['eu', 'e-key', 'file'],
      ['deepseek', 'd-key', 'environment'],
    ])
    const [, , backup, eu] = config.providers
    expect(backup).toMatchObject({
      provider: { baseUrl: 'http://127.0.0.1:8000/v1', isLocal: true },
      models: ['qwen3'],
    })
    expect(eu).toMatchObject({
      provider: { name: 'OpenAI', headers: { 'x-team': 'team red' } },
      timers: { connectMs: 500, firstTokenMs: 90_000, idleMs: 90_000 },
    })
    expect(eu?.provider.quirks.map((quirk) => quirk.name)).toEqual(['max-completion-tokens'])
  })

  test('a route within a route is followed, each target once', () => {
    const [smart, cheap] = configOf(text, { env }).routes
    const targets = ['anthropic/claude-sonnet-4-5', 'deepseek/deepseek-chat', 'backup/qwen3']
    expect(smart).toEqual({
      name: 'smart',
      targets,
      root: { type: 'first', children: targets.map((target) => ({ type: 'target', target })) },
      deadlineMs: 300_000,
      retries: 1,
      isStrict: true,
      rescue: 'safe',
      fallsBackOnPolicy: false,
      isExplained: false,
    })
    expect(cheap).toMatchObject({ deadlineMs: 600_000, retries: 2, isStrict: false })
  })

  test('anchors and aliases are plain reuse', () => {
    const config = configOf('routes:\n  a: &r { targets: [ollama/x] }\n  b: *r\n')
    expect(config.routes.map((route) => route.targets)).toEqual([['ollama/x'], ['ollama/x']])
  })

  test('a route may carry the name of its own target', () => {
    const config = configOf('routes: { ollama/x: { targets: [ollama/x, vllm/y] } }')
    expect(config.routes[0]?.targets).toEqual(['ollama/x', 'vllm/y'])
  })
})

describe('without a file', () => {
  test('keys in the environment become providers', () => {
    const env = {
      OPENAI_API_KEY: 'sk-1',
      GEMINI_API_KEY: 'g',
      ZHIPUAI_API_KEY: 'z',
      MISTRAL_API_KEY: ' ',
      PATH: '/bin',
    }
    const loaded = loadConfig({ env })
    expect(loaded.ok && loaded.config.providers.map((one) => one.provider.id)).toEqual([
      'openai',
      'gemini',
      'zhipu',
    ])
    expect(loaded.ok && loaded.config.listen).toEqual({ host: '127.0.0.1', port: 4141 })
  })

  test('one key makes one provider, its second face only where it is named', () => {
    const env = { DEEPSEEK_API_KEY: 'd' }
    const ids = (text: string) => configOf(text, { env }).providers.map((one) => one.provider.id)
    expect(ids('{}')).toEqual(['deepseek'])
    expect(ids('routes: { x: { targets: [deepseek-anthropic/deepseek-chat] } }')).toEqual([
      'deepseek',
      'deepseek-anthropic',
    ])
  })

  test('Azure is found by key and endpoint together', () => {
    const env = { AZURE_OPENAI_API_KEY: 'k' }
    expect(configOf('{}', { env }).providers).toEqual([])
    const both = configOf('{}', { env: { ...env, AZURE_OPENAI_ENDPOINT: 'https://acme.openai.azure.com/' } })
    expect(both.providers[0]?.provider.baseUrl).toBe('https://acme.openai.azure.com/openai/v1')
  })

  test('discover: false leaves only what is named', () => {
    const env = { OPENAI_API_KEY: 'o', GROQ_API_KEY: 'g' }
    const config = configOf('discover: false\nproviders: { groq: {} }', { env })
    expect(config.providers.map((one) => one.provider.id)).toEqual(['groq'])
  })

  test('--listen wins, and is judged as the file is', () => {
    expect(configOf('listen: 127.0.0.1:1', { listen: '127.0.0.1:0' }).listen.port).toBe(0)
    expect(faultsOf('{}', { listen: '0.0.0.0:80' })[0]).toContain(
      '--listen: "0.0.0.0:80" reaches beyond this machine',
    )
  })
})

describe('fault 133: a bad file', () => {
  test('five different faults are reported all at once, each with line and column, by position', () => {
    const text = `listen: 127.0.0.1:4141
providers:
  antropic: {}
  backup: { dialect: openai-chat, baseUrl: http://127.0.0.1:8000/v1, credental: x }
routes:
  smart:
    targets: [backup/qwen3, bakup/qwen3]
    deadline: 10 minutes
    retries: lots
keys: [{ name: laptop, key: "\${LAPTOP_KEY}" }]
`
    expect(faultsOf(text, { path: 'conf/holdfast.yaml', text })).toEqual([
      'conf/holdfast.yaml:3:3: providers: "antropic" is not a known provider (did you mean "anthropic"?). For a server of your own give dialect and baseUrl',
      'conf/holdfast.yaml:4:70: providers.backup has no field "credental"; did you mean "credential"? (the fields are provider, dialect, alsoSpeaks, baseUrl, credential, keys, breaker, slots, headers, models, prices, timeouts)',
      'conf/holdfast.yaml:7:29: routes.smart.targets[1]: the provider "bakup" is not a known provider; did you mean "backup"? Otherwise add it under providers',
      'conf/holdfast.yaml:8:15: routes.smart.deadline: "10 minutes" is not a duration: write a number and a unit, such as 500ms, 30s, 10m or 2h',
      'conf/holdfast.yaml:9:14: routes.smart.retries: "lots" must be a number',
      'conf/holdfast.yaml:10:29: keys[0].key: the environment variable LAPTOP_KEY is not set: set it before starting, or change the reference',
    ])
  })

  test('a reference without quotes in a flow map is one fault, which says how to write it', () => {
    const text =
      'providers:\n  x: { dialect: openai-chat, baseUrl: "http://127.0.0.1:1/v1", credential: ${X_KEY} }\nroutes:\n  smart: { targets: [x/y] }\nlog: { level: info }\n'
    expect(faultsOf(text)).toEqual([
      'holdfast.yaml:2:77: inside of { } or [ ] a reference stands in quotes: write "${X_KEY}"',
    ])
  })

  test.each([
    ['an empty file', '', '1:1: the file is empty'],
    ['only comments', '# nothing\n\n', '1:1: the file is empty'],
    ['a list', '- a\n', '1:1: the configuration must be a set of fields'],
    ['a tab', 'routes:\n\tx: 1\n', '2:1: a tab is used'],
    ['a half-written file', 'routes:\n  smart: { targets: [openai/gp', 'not valid YAML'],
    ['two documents', 'listen: 127.0.0.1:1\n---\nlisten: 127.0.0.1:2\n', 'a second document begins here'],
    ['a field given twice', 'log: {}\nlog: {}\n', '2:1: "log" is given twice, first on line 1'],
    ['an alias without an anchor', 'routes: *nowhere\n', 'routes is an alias of an anchor that is not set'],
    [
      'an unknown field',
      'route: {}\n',
      '1:1: the configuration has no field "route"; did you mean "routes"?',
    ],
    ['a foreign word', 'providers: { openai: { apiKey: x } }', 'did you mean "credential"?'],
    ['a wrong type', 'routes: { a: { targets: ollama/x } }', 'routes.a.targets: must be a list'],
    ['a yes', 'routes: { a: { targets: [ollama/x], strict: yes } }', 'strict: "yes" must be true or false'],
    ['a field left out', 'routes: { a: { retries: 1 } }', '1:11: routes.a has no "targets": add it'],
    ['no targets', 'routes: { a: { targets: [] } }', 'routes.a.targets: must have at least 1 entry'],
    [
      'too many retries',
      'routes: { a: { targets: [ollama/x], retries: 9 } }',
      'retries: "9" must be at most 3',
    ],
    ['an enum', 'log: { level: loud }', 'level: "loud" must be one of debug, info, warn, error, silent'],
    [
      'a bare number for a duration',
      'providers: { ollama: { timeouts: { idle: 30 } } }',
      'must be text, such as 500ms',
    ],
    ['a duration out of range', 'routes: { a: { targets: [ollama/x], deadline: 1ms } }', 'is out of range'],
    ['a size', 'limits: { bodyBytes: 8MB }', 'is not a size'],
    ['no connections', 'limits: { connectionsPerAddress: 0 }', '"0" must be at least 1'],
    [
      'connections in words',
      'limits: { connectionsPerAddress: many }',
      '"many" must be a number from 1 to 1000000, or false',
    ],
    [
      'a wordless target',
      'routes: { a: { targets: [b] } }',
      '"b" is neither provider/model nor the name of a route',
    ],
    [
      'a target without a model',
      'routes: { a: { targets: [ollama] } }',
      '(ollama is a provider: add a model)',
    ],
    [
      'a provider without its key',
      'providers: { openai: {} }',
      '1:14: providers.openai has no key: set OPENAI_API_KEY',
    ],
    [
      'a target without a key',
      'routes: { a: { targets: [openai/x] } }',
      'the provider "openai" has no key: set OPENAI_API_KEY',
    ],
    [
      'a provider without its address',
      'providers: { azure-openai: { credential: x } }',
      'needs its address: add baseUrl, or set AZURE_OPENAI_ENDPOINT',
    ],
    ['a reserved name', 'providers: { simulator: {} }', 'has a meaning of its own'],
    ['half a server', 'providers: { mine: { dialect: openai-chat } }', 'it needs its baseUrl'],
    ['the other half', 'providers: { mine: { baseUrl: http://x/v1 } }', 'it needs its dialect'],
    ['an unknown kind', 'providers: { mine: { provider: opnai } }', '(did you mean "openai"?)'],
    ['a bad address', 'providers: { ollama: { baseUrl: "localhost:11434" } }', 'is not an address'],
    [
      'a password in an address',
      'providers: { ollama: { baseUrl: "http://u:p@x/v1" } }',
      'holds a user name or password',
    ],
    [
      'an operation for an address',
      'providers: { ollama: { baseUrl: "http://x/v1/chat/completions" } }',
      'leave off "/chat/completions"',
    ],
    [
      'a query in an address',
      'providers: { ollama: { baseUrl: "http://x/v1?a=b" } }',
      'a base URL ends with its path',
    ],
    [
      'a metadata address',
      'providers: { ollama: { baseUrl: "http://2852039166/v1" } }',
      'is a metadata service',
    ],
    [
      'itself for a provider',
      'providers: { vllm: { baseUrl: "http://localhost:4141/v1" } }',
      'it would call itself for ever',
    ],
    [
      'a header of ours',
      'providers: { ollama: { headers: { Host: x } } }',
      '"Host" is set by the gateway itself',
    ],
    [
      'a bad header',
      'providers: { ollama: { headers: { "a b": x } } }',
      '"a b" is not the name of an HTTP header',
    ],
    ['a listen address', 'listen: "4141x"', '1:9: listen: "4141x" is not an address to listen on'],
    ['a port', 'listen: 127.0.0.1:99999', 'has a port beyond 65535'],
    ['no host', 'listen: ":4141"', 'has no host'],
    ['the network without keys', 'listen: 0.0.0.0:4141', 'no client keys are configured'],
    ['the network without keys, v6', 'listen: "[::]:4141"', 'no client keys are configured'],
    ['a bad variable', 'listen: "${1x}:1"', 'is not the name of an environment variable'],
    ['a name of another shape', 'keys: [{ name: "a\\nb", key: x }]', 'is not a name for a key'],
  ])('%s is a fault', (_, text, expected) => {
    expect(faultsOf(text).join('\n')).toContain(expected)
  })

  test('a variable with a similar name is pointed out', () => {
    const text = 'providers: { openai: { credential: "${OPENAI_KEY}" } }'
    expect(faultsOf(text, { env: { OPENAI_API_KEY: 'sk-x' } })[0]).toContain('(did you mean OPENAI_API_KEY?)')
  })

  test('routes in a circle are a fault, said once with the way round', () => {
    const faults = faultsOf(
      'routes:\n  a: { targets: [b] }\n  b: { targets: [c, ollama/x] }\n  c: { targets: [a] }\n',
    )
    expect(faults).toEqual([
      'holdfast.yaml:4:18: routes.c.targets[0]: the routes go in a circle (a -> b -> c -> a): end it with a provider/model',
    ])
  })

  test('what stands before a break in the text is judged, what stands behind it is not', () => {
    const faults = faultsOf('log: { level: loud }\nroutes: { a: { targets: [ollama/x }\nnonsense: 1\n')
    expect(faults[0]).toContain('1:15: log.level')
    expect(faults.join()).not.toContain('nonsense')
  })

  test('a faulty entry does not make faults of what refers to it', () => {
    const faults = faultsOf(
      'providers: { mine: { dialect: opnai } }\nroutes:\n  a: { targets: [mine/x], deadline: 3 }\n  b: { targets: [a] }\n',
    )
    expect(faults).toHaveLength(2)
  })

  test('a file that is not there says so', () => {
    const loaded = loadConfig({ path: '/nowhere/holdfast.yaml', env: {} })
    expect(!loaded.ok && loaded.faults.map(formatFault)).toEqual([
      '/nowhere/holdfast.yaml:1:1: there is no such file: check the path given with --config',
    ])
  })
})

describe('SEC-17: client keys', () => {
  const fault = (keys: string) => faultsOf(`keys: ${keys}`).join('\n')

  test.each([
    'sk-1234',
    'short-key',
    'changeme-changeme-1',
    'aaaaaaaaaaaaaaaaaaaaaaaa',
    'your-api-key-goes-here',
  ])('%s is refused as weak, with a way to make a better one', (key) => {
    expect(fault(`[{ name: a, key: ${key} }]`)).toContain('make one with: node -p')
  })

  test('an empty key is refused', () => {
    expect(fault('[{ name: a, key: "" }]')).toContain('1:24: keys[0].key: is empty')
    expect(faultsOf('keys: [{ name: a, key: "${K}" }]', { env: { K: '' } })[0]).toContain('K is empty')
  })

  test('names and keys are unique', () => {
    const faults = fault(
      `[{ name: a, key: ${clientKey} }, { name: a, key: x${clientKey} }, { name: b, key: ${clientKey} }]`,
    )
    expect(faults).toContain('keys[1].name: "a" is the name of keys[0] too')
    expect(faults).toContain('keys[2].key: "b" has the same key as "a"')
  })

  test('the network may be listened on once there is a key', () => {
    const config = configOf(`listen: 0.0.0.0:4141\nkeys: [{ name: a, key: ${clientKey} }]`)
    expect(config.listen).toEqual({ host: '0.0.0.0', port: 4141 })
    expect(config.warnings).toEqual([expect.stringContaining('keys[0].key stands in the file as plain text')])
  })
})

describe('secrets', () => {
  const secret = 'sk-live-0123456789abcdef'
  const text = `keys: [{ name: a, key: ${clientKey} }]
providers:
  openai: { credential: "\${K}", headers: { x-extra: ${secret}-header } }
`

  test('SEC-27: a printed configuration shows fingerprints only', () => {
    const config = configOf(text, { env: { K: secret } })
    const printed = JSON.stringify(describeConfig(config)) + inspect(describeConfig(config), { depth: 9 })
    expect(printed).not.toContain(secret)
    expect(printed).not.toContain(clientKey)
    expect(printed).toMatch(/"credential":"\[secret:[0-9a-f]{8}\]"/)
    expect(config.secrets.map((one) => one.reveal())).toEqual(
      expect.arrayContaining([clientKey, secret, `${secret}-header`]),
    )
  })

  test('SEC-21: a fault never shows one', () => {
    const broken = `keys: [{ name: "a\\nb", key: ${secret} }]
providers:
  openai: { credential: [${secret}], apiKey: ${secret}, baseUrl: "http://u:${secret}@x" }
  groq: { credential: "${secret}\\u0007", timeouts: ${secret} }
  ${secret}: {}
listen: ${secret}
routes: { a: { targets: [${secret}] } }
`
    const faults = faultsOf(broken)
    expect(faults.length).toBeGreaterThan(5)
    expect(faults.join('\n')).not.toContain('0123456789abcdef')
  })
})

describe('SEC-53: secrets in files', () => {
  const directories: string[] = []
  afterEach(() => {
    for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
  })

  function withFile(reference: string) {
    const directory = mkdtempSync(path.join(tmpdir(), 'holdfast-'))
    directories.push(directory)
    mkdirSync(path.join(directory, 'keys'))
    writeFileSync(path.join(directory, 'keys', 'openai.key'), 'sk-from-file\n')
    writeFileSync(path.join(directory, 'two-lines'), 'a\nb\n')
    writeFileSync(path.join(directory, 'empty'), '\n')
    const file = path.join(directory, 'holdfast.yaml')
    writeFileSync(file, `providers: { openai: { credential: "${reference.replace('DIR', directory)}" } }`)
    return loadConfig({ path: file, env: {} })
  }

  test.each([
    'file:keys/openai.key',
    'file:./keys/openai.key',
    'file:DIR/keys/openai.key',
    'file: keys/../keys/openai.key',
  ])('%s is read from beside the configuration', (reference) => {
    const loaded = withFile(reference)
    expect(loaded.ok && loaded.config.providers[0]?.credential?.reveal()).toBe('sk-from-file')
  })

  test.each([
    'file:../../etc/passwd',
    'file:/etc/passwd',
    'file:keys/../../x',
    'file:',
    'file:/run/secrets/../../etc/passwd',
    'file:/run/secretsx/a',
  ])('%s is refused', (reference) => {
    const loaded = withFile(reference)
    expect(!loaded.ok && loaded.faults[0]?.message).toContain('outside the directories')
  })

  test('a file in /run/secrets is read', () => {
    const read: string[] = []
    const loaded = loadConfig({
      text: 'providers: { openai: { credential: file:/run/secrets/openai } }',
      env: {},
      readFile: (file) => {
        read.push(file)
        return 'sk-mounted\n'
      },
    })
    expect(loaded.ok && loaded.config.providers[0]?.credential?.reveal()).toBe('sk-mounted')
    expect(read).toEqual(['/run/secrets/openai'])
  })

  test.each([
    ['file:none', 'cannot be read (ENOENT)'],
    ['file:two-lines', 'line breaks'],
    ['file:empty', 'is empty'],
  ])('%s is a fault', (reference, expected) => {
    const loaded = withFile(reference)
    expect(!loaded.ok && loaded.faults[0]?.message).toContain(expected)
  })
})

describe('SEC-52: a configuration holds nothing but data', () => {
  test.each([
    '!!js/function "function () {}"',
    '!!python/object:os.system x',
    '!ruby/object:x {}',
    '!!binary aGk=',
    '!!set {a}',
  ])('the tag in %s is refused', (value) => {
    expect(faultsOf(`listen: ${value}`).join('\n')).toContain('a configuration holds only plain data')
  })

  test.each(['__proto__', 'constructor', 'prototype'])('%s is no field, anywhere', (name) => {
    const before = Object.keys(Object.prototype)
    const faults = faultsOf(`${name}: { isAdmin: true }\nproviders:\n  ${name}: { polluted: 1 }\n`)
    expect(faults.filter((fault) => fault.includes('cannot be the name of a field'))).toHaveLength(2)
    expect(Object.keys(Object.prototype)).toEqual(before)
    expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined()
  })

  test('no field names a command, a piece of code, or an address that code comes from', () => {
    const names = new Set<string>()
    const collect = (value: unknown): void => {
      if (Array.isArray(value)) return value.forEach(collect)
      if (!isJsonObject(value)) return
      for (const name of Object.keys(isJsonObject(value['properties']) ? value['properties'] : {}))
        names.add(name)
      Object.values(value).forEach(collect)
    }
    collect(parseJson(writeJsonSchema()))
    expect(names.size).toBeGreaterThan(80)
    expect(
      [...names].filter((name) =>
        /command|exec|shell|script|plugin|module|import|require|template|hook|callback|eval|code|lua|wasm/i.test(
          name,
        ),
      ),
    ).toEqual([])
    // What is dialled: providers and the database; what is listened on.
    expect(
      [...names].filter((name) => /url|uri|host|address|endpoint|proxy|origin/i.test(name)).sort(),
    ).toEqual(['baseUrl', 'connectionsPerAddress', 'url'])
  })

  test('what looks like a template or a command is the text that it is', () => {
    const written = '{{7*7}} <%= 7 %> $(id) `id` #{7*7} {{constructor.constructor(1)()}}'
    const text = `providers: { openai: { credential: sk-0123456789abcdef, headers: { x-a: '${written}' } } }`
    expect(configOf(text).providers[0]?.provider.headers).toEqual({ 'x-a': written })
  })

  test('merge keys are refused', () => {
    expect(faultsOf('log: &l { level: info }\nlimits: { <<: *l }').join()).toContain('merge keys')
  })

  test('an alias bomb is bounded', () => {
    const levels = Array.from(
      { length: 9 },
      (_, level) =>
        `a${level}: &a${level} [${Array(10)
          .fill(level === 0 ? 'x' : `*a${level - 1}`)
          .join(', ')}]`,
    )
    const startedMs = performance.now()
    expect(faultsOf(levels.join('\n')).join('\n')).toContain('aliases counted each time')
    expect(performance.now() - startedMs).toBeLessThan(5_000)
  })

  test('an alias of something around it is refused', () => {
    expect(faultsOf('routes: &r\n  a: *r\n').join('\n')).toContain('an alias of something that contains it')
  })

  test('depth and size are bounded', () => {
    expect(faultsOf(`routes: ${'['.repeat(50_000)}`).length).toBeGreaterThan(0)
    expect(faultsOf(`routes: ${'['.repeat(60)}${']'.repeat(60)}`).join('\n')).toContain('nested deeper')
    expect(faultsOf(`# ${'x'.repeat(1024 ** 2)}`)).toEqual([
      'holdfast.yaml:1:1: the file is larger than 1 MiB, which no configuration needs',
    ])
  })
})

test('what is allowed and yet unwise is a warning', () => {
  const config = configOf(`providers:
  bare: { dialect: openai-chat, baseUrl: http://127.0.0.1:9000 }
  far: { dialect: openai-chat, baseUrl: http://models.example.com/v1, models: [qwen3-32b] }
routes: { a: { targets: [far/qwen3-23b] } }
`)
  expect(config.warnings).toEqual([
    'providers.bare.baseUrl has no path; most servers want the version segment, as in http://127.0.0.1:9000/v1.',
    'providers.far.baseUrl is plain http beyond this network: the key and every prompt travel readable.',
    'providers.far has no credential; it will be called without a key.',
    'routes.a names far/qwen3-23b, which is not among the models listed for far; did you mean qwen3-32b?',
  ])
})

describe('the JSON Schema for editors', () => {
  const file = new URL('../../../docs/holdfast.schema.json', import.meta.url)

  test('docs/holdfast.schema.json is current (npm run schema writes it)', () => {
    expect(existsSync(file)).toBe(true)
    expect(readFileSync(file, 'utf8')).toBe(writeJsonSchema())
  })

  test('describes every field', () => {
    const undescribed: string[] = []
    const visit = (value: unknown, where: string): void => {
      if (typeof value !== 'object' || value === null) return
      for (const [name, child] of Object.entries(value)) {
        if (name !== 'properties' || typeof child !== 'object' || child === null) {
          visit(child, `${where}/${name}`)
          continue
        }
        for (const [field, schema] of Object.entries(child as Record<string, object>)) {
          if (!('description' in schema) && !('$ref' in schema)) undescribed.push(`${where}/${field}`)
          visit(schema, `${where}/${field}`)
        }
      }
    }
    visit(JSON.parse(writeJsonSchema()), '')
    expect(undescribed).toEqual([])
  })
})
