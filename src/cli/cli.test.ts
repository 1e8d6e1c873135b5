import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exitCodes } from './exit-codes.ts'
import type { CliIo } from './io.ts'
import { NODE_MIN, whyNodeIsTooOld } from './node-version.ts'
import { createProgram, runCommandLine } from './program.ts'
import { runIn, Terminal } from './terminal.test-support.ts'

let directory = ''
const file = (name: string, text: string): string => {
  const full = path.join(directory, name)
  writeFileSync(full, text)
  return full
}

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'holdfast-cli-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

const run = (words: readonly string[], env: CliIo['env'] = {}) => runIn(words, { env, directory })

const commands = createProgram(new Terminal(), () => undefined).commands.map((command) => command.name())
const sound =
  'discover: false\nproviders: { ollama: { models: [llama3] } }\nroutes: { a: { targets: [ollama/llama3] }, b: { targets: [a] } }\n'

test('has the commands of the main job', () => {
  expect(commands.join(' ')).toBe(
    'start check doctor models status drill env import simulate key budget lease project team user usage logs replay audit cache secret backup migrate version',
  )
})

describe.each(commands)('%s --help', (command) => {
  test('has examples of its own and offers --json', async () => {
    const { exitCode, output } = await run([command, '--help'])
    expect(exitCode).toBe(exitCodes.ok)
    expect(output).toMatch(new RegExp(`Examples:\\n( +\\$ .*\\n)* +\\$ .*holdfast ${command}`))
    expect(output).toContain('--json')
  })

  test('takes no secret as an argument', async () => {
    const { output } = await run([command, '--help'])
    // `--key` takes a key's name, and refuses what looks like the key itself.
    expect(output).not.toMatch(/--(api-?key|key(?! (<name>|laptop|-))|token|secret|credential|password)\b/)
  })
})

describe('exit codes', () => {
  test('are the documented numbers, listed in --help', async () => {
    expect(exitCodes).toEqual({
      ok: 0,
      failed: 1,
      configuration: 2,
      address: 3,
      environment: 4,
      unreachable: 5,
      interrupted: 130,
    })
    const { output } = await run(['--help'])
    for (const code of Object.values(exitCodes)) expect(output).toMatch(new RegExp(`^ +${code} `, 'm'))
  })

  test.each([
    ['an unknown command', ['chek'], 'Did you mean check?'],
    ['an unknown option', ['check', '--jsn'], 'Did you mean --json?'],
    ['a bad port', ['simulate', '--port', '99999'], 'A port is a number from 0 to 65535.'],
    ['a bad level', ['start', '--log-level', 'loud'], 'Allowed choices are'],
    ['a bad limit', ['doctor', '--timeout', 'soon'], 'Give a number of seconds'],
  ])('%s is 2', async (_, words, complaint) => {
    const { exitCode, complaints } = await run(words)
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain(complaint)
  })
})

describe('check', () => {
  test('says in one line that a file is fine', async () => {
    const config = file('sound.yaml', sound)
    const { exitCode, output } = await run(['check', '--config', config])
    expect(exitCode).toBe(0)
    expect(output).toBe(`${config} is fine: 1 provider, 2 routes`)
    expect((await run(['check', '-q', '-c', config])).output).toBe('')
  })

  test('fault 133: prints five different faults, each with file, line and column, and ends with 2', async () => {
    const config = file(
      'faulty.yaml',
      'listen: 0.0.0.0:4141\nprovidrs: {}\nroutes:\n  a: { targets: [bakup/x], deadline: 10 minutes }\n  b: { targets: [ollama/x], retries: "2" }\n',
    )
    const { exitCode, complaints } = await run(['check', '--config', config])
    expect(exitCode).toBe(exitCodes.configuration)
    const places = complaints.split('\n').map((line) => line.replace(`${config}:`, '').split(' ')[0])
    expect(places).toEqual(['1:9:', '2:1:', '4:18:', '4:38:', '5:38:', '5'])
  })

  test('--json gives faults as data, and a sound configuration with fingerprints only', async () => {
    const faulty = JSON.parse((await run(['check', '--json', '-c', file('f.yaml', 'lisen: 1')])).output)
    expect(faulty).toMatchObject({ ok: false, faults: [{ line: 1, column: 1, path: 'lisen' }] })
    const config = file('secret.yaml', 'providers: { openai: { credential: "${K}" } }')
    const { output } = await run(['check', '--json', '-c', config], { K: 'sk-live-0123456789' })
    expect(JSON.parse(output)).toMatchObject({ ok: true, config: { providers: [{ id: 'openai' }] } })
    expect(output).not.toContain('0123456789')
  })

  test('a file that is not there is 2', async () => {
    const { exitCode, complaints } = await run(['check', '-c', path.join(directory, 'none.yaml')])
    expect(exitCode).toBe(2)
    expect(complaints).toContain('there is no such file')
  })
})

describe('version', () => {
  test('is the one of package.json', async () => {
    const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    const { output } = await run(['version', '--json'])
    expect(manifest).toMatchObject({ version: JSON.parse(output).version })
    expect((await run(['version'])).output).toMatch(/^holdfast \d+\.\d+\.\d+ \(Node /)
  })

  test.each(['--version', '-V'])('is told for %s too, where most programs have it', async (word) => {
    const { exitCode, output } = await run([word])
    expect(exitCode).toBe(0)
    expect(output).toMatch(/^\d+\.\d+\.\d+$/)
  })
})

describe('simulate', () => {
  test('lists its faults', async () => {
    const { output } = await run(['simulate', '--list-faults', '--json'])
    expect(JSON.parse(output).length).toBeGreaterThan(20)
  })

  test('serves until it is interrupted; models and doctor see it', async () => {
    const terminal = new Terminal()
    const simulating = runCommandLine(['simulate', '--port', '0', '--json'], terminal)
    const [announced] = await once(terminal, 'out')
    const { url } = JSON.parse(String(announced))
    const config = file(
      'simulated.yaml',
      `discover: false\nlisten: 127.0.0.1:0\nproviders: { sim: { dialect: openai-chat, baseUrl: "${url}/v1" } }\nroutes: { fast: { targets: [sim/tools] } }`,
    )
    const models = await run(['models', '--config', config])
    expect(models.output.split('\n').slice(0, 2)).toEqual(['fast -> sim/tools', 'sim/mock'])
    const doctor = await run(['doctor', '--config', config, '--json'])
    expect(doctor.exitCode).toBe(exitCodes.ok)
    expect(JSON.parse(doctor.output)).toMatchObject({ isHealthy: true })
    terminal.emit('SIGINT')
    expect(await simulating).toBe(exitCodes.ok)
  })

  test('a mistake in a scenario is told with line and column', async () => {
    const scenario = file('scenario.yaml', 'seed: 3\nfaults:\n  - fault: cut-steam\n')
    const { exitCode, complaints } = await run(['simulate', '--scenario', scenario])
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toBe(
      `${scenario}:3:12: faults[0].fault: there is no fault called "cut-steam"; did you mean cut-stream?`,
    )
  })

  test('an unknown fault, and a file that is not there, are 2', async () => {
    expect((await run(['simulate', '--fault', 'resett-before-head'])).complaints).toContain(
      'did you mean reset-before-head?',
    )
    expect((await run(['simulate', '--scenario', path.join(directory, 'none')])).exitCode).toBe(2)
  })

  test('a port in use is 3', async () => {
    const port = await occupiedPort()
    expect((await run(['simulate', '--port', String(port)])).exitCode).toBe(exitCodes.address)
  })
})

describe('doctor', () => {
  test('an unhealthy provider is 1, with what to do', async () => {
    const config = file(
      'dead.yaml',
      'discover: false\nlisten: 127.0.0.1:0\nproviders: { dead: { dialect: openai-chat, baseUrl: "http://127.0.0.1:1/v1" } }',
    )
    const { exitCode, output } = await run(['doctor', '--config', config, '--quiet'])
    expect(exitCode).toBe(exitCodes.failed)
    expect(output).toMatch(/FAIL dead .*ECONNREFUSED/)
    expect(output).toContain('-> Start dead, or correct its baseUrl.')
    expect(output).not.toContain('ok  ')
  })

  test('a provider that is not there is 2', async () => {
    const { exitCode, complaints } = await run(['doctor', '-c', file('d.yaml', sound), '--provider', 'olama'])
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain('did you mean "ollama"?')
  })
})

describe('start', () => {
  const quiet = 'discover: false\nlisten: 127.0.0.1:0\nlog: { level: silent }\n'

  test('announces itself in one line of JSON, and ends with 0 once it has drained', async () => {
    const terminal = new Terminal()
    const starting = runCommandLine(['start', '--json', '--config', file('start.yaml', quiet)], terminal)
    const [announced] = await once(terminal, 'out')
    expect(JSON.parse(String(announced))).toMatchObject({
      type: 'listening',
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      isSimulated: true,
      exampleModel: 'simulator/mock',
    })
    terminal.emit('SIGTERM')
    expect(await starting).toBe(exitCodes.ok)
  })

  test('a faulty configuration is 2, and nothing is started', async () => {
    const { exitCode, complaints } = await run([
      'start',
      '--config',
      file('bad.yaml', 'listen: 0.0.0.0:4141'),
    ])
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain('bad.yaml:1:9: listen: "0.0.0.0:4141" reaches beyond this machine')
  })

  test('an address in use is 3', async () => {
    const port = await occupiedPort()
    const { exitCode, complaints } = await run([
      'start',
      '-c',
      file('s.yaml', quiet),
      '--listen',
      `127.0.0.1:${port}`,
    ])
    expect(exitCode).toBe(exitCodes.address)
    expect(complaints).toContain('is in use')
  })
})

describe('Node', () => {
  test('that is too old is told in plain words what to do', () => {
    const [major, minor] = NODE_MIN
    expect(whyNodeIsTooOld('20.19.2')).toMatch(
      /^Holdfast needs Node 24\.15 or newer; this is Node 20\.19\.2\.\nInstall/,
    )
    expect(whyNodeIsTooOld(`${major}.${minor - 1}.0`)).toBeDefined()
    expect(whyNodeIsTooOld(`${major}.${minor}.0`)).toBeUndefined()
    expect(whyNodeIsTooOld('26.0.0')).toBeUndefined()
  })

  test('the oldest that will do is the one in package.json', () => {
    const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(manifest).toMatchObject({ engines: { node: `>=${NODE_MIN.join('.')}` } })
  })
})

const servers: ReturnType<typeof createServer>[] = []
afterAll(() => {
  for (const server of servers) server.close()
})

async function occupiedPort(): Promise<number> {
  const server = createServer()
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
