/** Those who run in the bench: how each is started, and how a request of a cell is put to it. */

import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { benchDialects, type Cell, modelNames, modelOf } from './cells.ts'
import { startPinned, stop, untilPrinted } from './processes.ts'

export interface Contestant {
  readonly name: string
  readonly origin: string
  /** Absent for the upstream itself, whose cost is not measured. */
  readonly pid?: number
  canServe(cell: Cell): boolean
  /** The model name a client of this contestant writes. */
  model(cell: Cell): string
  headers(cell: Cell): Readonly<Record<string, string>>
  /** A header that says something else in every request. */
  readonly freshHeader?: string
  close(): Promise<void>
}

/** A contestant that cannot take part here, and why. */
export interface Absent {
  readonly name: string
  readonly absent: string
}

const folder = dirname(fileURLToPath(import.meta.url))
const portkeyFolder = join(folder, 'portkey')
const portkeyServer = join(portkeyFolder, 'node_modules/@portkey-ai/gateway/build/start-server.js')
export const ownRoot = join(folder, '..')

/** One way of running the gateway. */
export interface HoldfastRun {
  /** Default `holdfast`. */
  readonly name?: string
  /** The checkout that is run; default: this one. */
  readonly root?: string
  readonly flags?: readonly string[]
  /** Requests go to routes with two balanced targets, hedging and rescue, instead of straight to one target. */
  readonly isResilient?: boolean
}

const plainHeaders = { 'content-type': 'application/json', authorization: 'Bearer bench-key' }

/** The parts of a contestant that passes requests on without looking at them. */
const transparent = {
  canServe: () => true,
  model: modelOf,
  headers: () => plainHeaders,
} as const

/** The upstream, asked without anything in between: what latency is compared with. */
export async function startUpstream(): Promise<Contestant> {
  const child = startPinned({ core: 'load', command: [process.execPath, join(folder, 'upstream.ts')] })
  const port = await untilPrinted(child, /listening (\d+)/)
  return {
    ...transparent,
    name: 'direct',
    origin: `http://127.0.0.1:${port}`,
    close: () => stop(child),
  }
}

export async function startBareRelay(upstream: string): Promise<Contestant> {
  const child = startPinned({
    core: 'gateway',
    command: [process.execPath, join(folder, 'bare-relay.ts'), upstream],
  })
  const port = await untilPrinted(child, /listening (\d+)/)
  return {
    ...transparent,
    ...processId(child.pid),
    name: 'bare relay',
    origin: `http://127.0.0.1:${port}`,
    close: () => stop(child),
  }
}

/** The gateway itself, its log going through a pipe as it does under a container's runtime. */
export async function startHoldfast(upstream: string, run: HoldfastRun = {}): Promise<Contestant> {
  const { isResilient = false } = run
  const config = await writeHoldfastConfig(upstream, isResilient)
  return {
    ...(await startHoldfastOf(run, config)),
    model: (cell) =>
      isResilient ? routeName(cell.upstream, modelOf(cell)) : `bench-${cell.upstream}/${modelOf(cell)}`,
  }
}

/** A configuration in a folder of its own. */
export interface WrittenConfig {
  readonly path: string
  remove(): Promise<void>
}

/** The gateway with a configuration of its own, which is removed with it. */
export async function startHoldfastOf(
  run: HoldfastRun,
  { path, remove }: WrittenConfig,
): Promise<Contestant> {
  const { name = 'holdfast', root = ownRoot, flags = [] } = run
  const child = startPinned({
    core: 'gateway',
    command: [process.execPath, join(root, 'src/cli/main.ts'), 'start', '--config', path, ...flags],
    cwd: dirname(path),
  })
  const port = await untilPrinted(child, holdfastListens)
  return {
    ...transparent,
    ...processId(child.pid),
    name,
    origin: `http://127.0.0.1:${port}`,
    async close() {
      await stop(child)
      await remove()
    },
  }
}

function routeName(upstream: string, model: string): string {
  return `resilient-${upstream}-${model}`
}

/** What Holdfast prints once it listens, and on which port. */
export const holdfastListens = /listening on http:\/\/127\.0\.0\.1:(\d+)\s/

/** A configuration with the bench's upstream as a provider of each dialect, on any free port. */
export async function writeHoldfastConfig(upstream: string, isResilient = false) {
  const temporary = await mkdtemp(join(tmpdir(), 'holdfast-bench-'))
  const path = join(temporary, 'holdfast.yaml')
  const provider = (dialect: string, version = 'v1'): string =>
    `{ dialect: ${dialect}, baseUrl: "${upstream}/${version}", credential: bench-key }`
  const lines = [
    'listen: 127.0.0.1:0',
    'discover: false',
    'limits: { requestsInFlight: 10000 }',
    'providers:',
    `  bench-openai: ${provider('openai-chat')}`,
    `  bench-anthropic: ${provider('anthropic-messages')}`,
    `  bench-responses: ${provider('openai-responses')}`,
    `  bench-gemini: ${provider('gemini', 'v1beta')}`,
    ...(isResilient
      ? [
          `  again-openai: ${provider('openai-chat')}`,
          `  again-anthropic: ${provider('anthropic-messages')}`,
          `  again-responses: ${provider('openai-responses')}`,
          `  again-gemini: ${provider('gemini', 'v1beta')}`,
        ]
      : []),
  ]
  if (isResilient) {
    lines.push('admin: false', 'routes:')
    for (const dialect of benchDialects) {
      for (const model of modelNames) {
        const target = `bench-${dialect}/${model}`
        const group = `{ balance: latency, targets: [${target}, again-${dialect}/${model}] }`
        lines.push(`  ${routeName(dialect, model)}: { targets: [${group}], hedge: true, rescue: safe }`)
      }
    }
  }
  await writeFile(path, `${lines.join('\n')}\n`)
  return { path, remove: () => rm(temporary, { recursive: true, force: true }) }
}

export async function startNginx(upstream: string): Promise<Contestant | Absent> {
  const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx', '/usr/local/bin/nginx'].find(
    (path) => existsSync(path),
  )
  if (nginx === undefined) {
    return { name: 'nginx', absent: 'not installed; on Debian: apt-get install nginx-light' }
  }
  const temporary = await mkdtemp(join(tmpdir(), 'holdfast-bench-nginx-'))
  const port = await freePort()
  const configPath = join(temporary, 'nginx.conf')
  await writeFile(configPath, nginxConfig({ folder: temporary, port, upstream: new URL(upstream).host }))
  const child = startPinned({
    core: 'gateway',
    command: [nginx, '-p', temporary, '-c', configPath, '-e', join(temporary, 'error.log')],
  })
  await untilListening(port, child)
  return {
    ...transparent,
    ...processId(child.pid),
    name: 'nginx',
    canServe: ({ isForUsAlone }) => isForUsAlone !== true,
    origin: `http://127.0.0.1:${port}`,
    async close() {
      await stop(child)
      await rm(temporary, { recursive: true, force: true })
    },
  }
}

interface NginxPlace {
  readonly folder: string
  readonly port: number
  readonly upstream: string
}

function nginxConfig({ folder: temporary, port, upstream }: NginxPlace): string {
  return `
daemon off;
worker_processes 1;
pid ${temporary}/nginx.pid;
events { worker_connections 16384; }
http {
  access_log off;
  client_body_temp_path ${temporary}/body; proxy_temp_path ${temporary}/proxy; fastcgi_temp_path ${temporary}/fastcgi;
  uwsgi_temp_path ${temporary}/uwsgi; scgi_temp_path ${temporary}/scgi;
  client_body_buffer_size 128k;
  keepalive_requests 10000000;
  upstream bench { server ${upstream}; keepalive 256; keepalive_requests 10000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://bench;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`
}

/** Portkey's gateway, with the dependencies that bench/portkey pins; it refuses Anthropic clients of other providers. */
export async function startPortkey(upstream: string): Promise<Contestant | Absent> {
  if (!existsSync(portkeyServer)) {
    return { name: 'portkey', absent: 'not installed; npm ci --ignore-scripts --prefix bench/portkey' }
  }
  const port = await freePort()
  const child = startPinned({
    core: 'gateway',
    command: [process.execPath, portkeyServer, '--headless', `--port=${port}`],
    cwd: portkeyFolder,
    environment: { NODE_ENV: 'production' },
  })
  child.stdout?.resume()
  await untilListening(port, child)
  return {
    ...transparent,
    ...processId(child.pid),
    name: 'portkey',
    origin: `http://127.0.0.1:${port}`,
    canServe: ({ client, isForUsAlone }) => client === 'openai' && isForUsAlone !== true,
    headers: (cell) => ({
      ...plainHeaders,
      'x-portkey-provider': cell.upstream,
      'x-portkey-custom-host': `${upstream}/v1`,
    }),
    close: () => stop(child),
  }
}

/**
 * A port that was free a moment ago, below those that the system gives to outgoing connections: a bench makes thousands
 * of these, and one could take the port before its server does.
 */
async function freePort(): Promise<number> {
  for (let port = FIRST_PORT; port < FIRST_PORT + PORTS_TRIED; port++) {
    if (!usedPorts.has(port) && !(await takesConnections(port))) {
      usedPorts.add(port)
      return port
    }
  }
  throw new Error(`no port is free from ${FIRST_PORT} on`)
}

const FIRST_PORT = 18_700
const PORTS_TRIED = 200
const usedPorts = new Set<number>()

/** Waits until a port takes connections; fails when the process that should listen ends, or after 15 s. */
async function untilListening(port: number, child: { readonly exitCode: number | null }): Promise<void> {
  const giveUpMs = Date.now() + 15_000
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null) throw new Error(`the process for port ${port} ended with ${child.exitCode}`)
    if (Date.now() > giveUpMs) throw new Error(`nothing listens on port ${port}`)
    await new Promise((resolve) => {
      setTimeout(resolve, 2)
    })
  }
}

async function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function processId(pid: number | undefined): { readonly pid?: number } {
  return pid === undefined ? {} : { pid }
}
