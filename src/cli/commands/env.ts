/** `holdfast env`: what a client needs to use this gateway, printed for a shell or written where the client reads it. */

import { findConfigPath } from '../../app/config/find-config.ts'
import { loadConfig } from '../../app/config/load-config.ts'
import {
  type Client,
  type Connection,
  KEY_VARIABLE,
  type KeySource,
  type Places,
} from '../../app/client-settings/client.ts'
import { clients, findClient } from '../../app/client-settings/clients.ts'
import { type Shell, shellLine } from '../../app/client-settings/shell-lines.ts'
import { LISTEN_HOST, LISTEN_PORT } from '../../http/config-schema.ts'
import { nearest } from '../../std/nearest.ts'
import { Secret } from '../../std/secret.ts'
import { exampleModel } from '../banner.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { clientUrl, urlRemark } from '../gateway-url.ts'
import { diffLines } from '../line-diff.ts'
import { looksLikeKey, readKeyLine } from '../secret-input.ts'
import { planChange, type PlannedChange, type SettingsChange, writeChange } from '../settings-files.ts'

export interface EnvCommandOptions extends CommonOptions {
  readonly url?: string
  /** The name of a key, or `-`: the key itself comes on standard input. */
  readonly key?: string
  readonly model?: string
  readonly shell?: Shell
  readonly list?: boolean
  readonly write?: boolean
  readonly dryRun?: boolean
}

interface Reached extends Connection {
  /** What a person must know of the address. */
  readonly remark?: string
}

type Read<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly message: string }

export async function env(
  word: string | undefined,
  options: EnvCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  if (options.list === true || word === undefined) return list(options, io)
  const client = findClient(word)
  if (client === undefined) return refuse(unknownClient(word), options, io)
  const read = await connectionOf(client, options, io)
  if (!read.ok) return refuse(read.message, options, io)
  const connection = read.value
  if (options.write !== true && options.dryRun !== true) {
    const shell = options.shell ?? shellOf(io)
    if (options.json) printJson(io, describe(client, connection))
    else print({ client, connection, shell, options, io })
    return exitCodes.ok
  }
  if (client.files.length === 0)
    return refuse(
      `${client.name} has no settings file to write: run eval "$(holdfast env ${client.id})", or put the lines into your shell's own`,
      options,
      io,
    )
  const places = placesOf(io)
  if (places === undefined) return refuse('there is no home directory to write to: set HOME', options, io)
  const plans = client.files.map((file) => planChange(file, connection, places))
  return write({ client, connection, plans, options, io })
}

function list({ json }: EnvCommandOptions, io: CliIo): ExitCode {
  const known = clients.map(({ id, name, files }) => ({ client: id, name, canWrite: files.length > 0 }))
  if (json) printJson(io, known)
  else
    for (const { client, name, canWrite } of known)
      io.out(`${client.padEnd(13)}${io.style('dim', `${name}${canWrite ? '' : ' (environment only)'}`)}`)
  return exitCodes.ok
}

function unknownClient(word: string): string {
  const ids = clients.map(({ id }) => id)
  const hint = nearest(word, ids)
  const meant = hint === undefined ? '' : `; did you mean ${hint}?`
  return `there is no client ${JSON.stringify(word.slice(0, 64))}${meant} (there are ${ids.join(', ')})`
}

async function connectionOf(client: Client, options: EnvCommandOptions, io: CliIo): Promise<Read<Reached>> {
  const key = await keyOf(options, io)
  if (!key.ok) return key
  const path = findConfigPath(options.config)
  const loaded = loadConfig({ env: io.env, tls: 'certificate', ...(path !== undefined && { path }) })
  if (!loaded.ok && options.url === undefined && path !== undefined)
    return { ok: false, message: `${path} has faults (holdfast check lists them): mend them, or say --url` }
  const config = loaded.ok ? loaded.config : { listen: { host: LISTEN_HOST, port: LISTEN_PORT } }
  const url = readUrl(options.url ?? clientUrl(config))
  if (url === undefined)
    return { ok: false, message: 'the address is none: write http://127.0.0.1:4141, or https:// and a name' }
  const usual = client.needsModel && loaded.ok ? exampleModel(loaded.config) : undefined
  const model = options.model ?? usual
  if (model !== undefined && !/^[\x21-\x7e]{1,256}$/.test(model))
    return { ok: false, message: '--model is no name of a model: use printable ASCII without spaces' }
  if (model === undefined && client.needsModel)
    return {
      ok: false,
      message: `${client.name} must be told a model: add --model (holdfast models lists them)`,
    }
  const remark = options.url === undefined ? urlRemark(config) : undefined
  return {
    ok: true,
    value: {
      url,
      key: key.value,
      ...(model !== undefined && { model }),
      ...(remark !== undefined && { remark }),
    },
  }
}

/** Without the version segment, the slash at the end, and anything a base URL has no place for. */
function readUrl(text: string): string | undefined {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    return undefined
  return `${url.origin}${url.pathname.replace(/\/+(?:v1(?:beta)?\/*)?$/, '')}`
}

async function keyOf({ key }: EnvCommandOptions, io: CliIo): Promise<Read<KeySource>> {
  if (key === '-') {
    const line = await readKeyLine(io)
    return line.ok ? { ok: true, value: { type: 'secret', secret: line.secret } } : line
  }
  if (key !== undefined && looksLikeKey(key))
    return {
      ok: false,
      message: `--key takes the name of a key; the key itself would stay in the shell's history: put it into ${KEY_VARIABLE}, or pipe it to --key -`,
    }
  const set = io.env[KEY_VARIABLE]?.trim()
  if (set === undefined || set === '') return { ok: true, value: { type: 'variable', name: KEY_VARIABLE } }
  if (!/^[\x21-\x7e]{1,512}$/.test(set))
    return { ok: false, message: `${KEY_VARIABLE} holds no key: one line of printable ASCII is expected` }
  return { ok: true, value: { type: 'variable', name: KEY_VARIABLE, secret: new Secret(set) } }
}

function shellOf({ env: { SHELL = '' } }: CliIo): Shell {
  return /(?:^|\/)fish$/.test(SHELL)
    ? 'fish'
    : /(?:^|[/\\])pwsh(?:\.exe)?$/.test(SHELL)
      ? 'powershell'
      : 'bash'
}

function placesOf(io: CliIo): Places | undefined {
  const home = io.env['HOME'] || io.env['USERPROFILE']
  return home === undefined ? undefined : { home, env: io.env }
}

interface Printing {
  readonly client: Client
  readonly connection: Reached
  readonly shell: Shell
  readonly options: EnvCommandOptions
  readonly io: CliIo
}

/** Standard output is for a shell, or for a file; what is for people goes to standard error. */
function print({ client, connection, shell, options, io }: Printing): void {
  const variables = client.variables(connection)
  for (const variable of variables) io.out(shellLine(variable, connection.key, shell))
  if (variables.length === 0) for (const text of freshFiles(client, connection)) io.out(text.trimEnd())
  if (options.quiet === true) return
  const path = pathsOf(client, io).join(' and ')
  if (variables.length === 0) {
    io.err(
      io.style('dim', `# for ${path}; holdfast env ${client.id} --write puts it there and keeps the rest`),
    )
    for (const variable of client.needs(connection))
      if (variable.name !== KEY_VARIABLE) io.err(shellLine(variable, connection.key, shell))
  }
  for (const line of hints(client, connection, options)) io.err(io.style('dim', `# ${line}`))
}

function freshFiles(client: Client, connection: Connection): readonly string[] {
  return client.files.flatMap((file) => {
    const edited = file.edit('', connection)
    return edited.ok ? [edited.text] : []
  })
}

function pathsOf(client: Client, io: CliIo): readonly string[] {
  const places = placesOf(io) ?? { home: '~', env: io.env }
  return client.files.map((file) => file.paths(places).at(-1) ?? '')
}

function hints(client: Client, connection: Reached, { key }: EnvCommandOptions): readonly string[] {
  const { remark } = connection
  return [
    ...(remark === undefined ? [] : [remark]),
    ...keyHints(connection, key),
    ...client.notes,
    `then: ${client.start(connection)}`,
  ]
}

function keyHints({ key }: Connection, name = 'my-key'): readonly string[] {
  if (key.type === 'secret' || key.secret !== undefined) return []
  return [
    `${KEY_VARIABLE} is not set. Make a key and set it: export ${KEY_VARIABLE}="$(holdfast key create ${name} --quiet)"`,
    `a gateway without any keys takes any text: export ${KEY_VARIABLE}=unused`,
  ]
}

function describe(client: Client, connection: Reached) {
  const { key, url, model, remark } = connection
  return {
    client: client.id,
    name: client.name,
    url,
    ...(model !== undefined && { model }),
    variables: client
      .variables(connection)
      .map(({ name, value }) =>
        value.type === 'text'
          ? { name, value: value.text }
          : key.type === 'secret'
            ? { name, value: key.secret.reveal() }
            : { name, from: key.name },
      ),
    files: freshFiles(client, connection),
    start: client.start(connection),
    notes: remark === undefined ? client.notes : [...client.notes, remark],
  }
}

interface Writing {
  readonly client: Client
  readonly connection: Reached
  readonly plans: readonly PlannedChange[]
  readonly options: EnvCommandOptions
  readonly io: CliIo
}

/** All files or none: one that cannot be changed keeps the others as they are. */
function write({ client, connection, plans, options, io }: Writing): ExitCode {
  const refused = plans.filter((plan) => !plan.ok)
  if (refused.length > 0) {
    const said = refused.map(({ path, reason }) => `${path} ${reason}`).join('; ')
    return refuse(
      `${said}: nothing was written; add what "holdfast env ${client.id}" prints yourself`,
      options,
      io,
    )
  }
  const changes = plans.flatMap((plan) => (plan.ok ? [plan.change] : []))
  const results = changes.map((change) => carryOut(change, options, io))
  const failed = results.find(({ reason }) => reason !== undefined)
  if (options.json)
    printJson(io, {
      ok: failed === undefined,
      client: client.id,
      dryRun: options.dryRun === true,
      files: results,
    })
  if (failed !== undefined) {
    if (!options.json) io.err(`${failed.path} ${failed.reason}`)
    return exitCodes.failed
  }
  if (options.json || options.quiet === true) return exitCodes.ok
  const shell = options.shell ?? shellOf(io)
  for (const variable of client.needs(connection)) {
    const isPlain = variable.name === KEY_VARIABLE
    if (isPlain) io.err(io.style('dim', `# ${client.name} reads the key from ${KEY_VARIABLE}`))
    else io.out(shellLine(variable, connection.key, shell))
  }
  for (const line of hints(client, connection, options)) io.err(io.style('dim', `# ${line}`))
  return exitCodes.ok
}

interface FileResult {
  readonly path: string
  readonly isChanged: boolean
  readonly backup?: string
  readonly reason?: string
}

function carryOut(change: SettingsChange, options: EnvCommandOptions, io: CliIo): FileResult {
  const { path, isNew, before, after } = change
  const isSpoken = options.json !== true && options.quiet !== true
  if (!isNew && before === after) {
    if (isSpoken) io.err(`${path} is as it should be`)
    return { path, isChanged: false }
  }
  if (options.dryRun === true) {
    if (options.json !== true) showDiff(change, io)
    return { path, isChanged: true }
  }
  const written = writeChange(change)
  if (!written.ok) return { path, isChanged: false, reason: written.reason }
  const { backup, isClosed } = written
  if (isSpoken)
    io.err(
      `${path} is ${isNew ? 'written' : 'changed'}${isClosed ? ', and readable by you alone, since the key stands in it' : ''}${backup === undefined ? '' : `; before: ${backup}`}`,
    )
  return { path, isChanged: true, ...(backup !== undefined && { backup }) }
}

function showDiff({ path, isNew, before, after }: SettingsChange, io: CliIo): void {
  io.out(io.style('bold', `${path}${isNew ? ' (new)' : ''}`))
  for (const { sign, text } of diffLines(before, after))
    io.out(io.style(sign === '-' ? 'red' : 'green', `${sign} ${concealed(text)}`))
}

/** Keys are long, and of letters and digits: of such a word only the beginning is shown. */
function concealed(line: string): string {
  return line.replaceAll(/[A-Za-z0-9_-]{16,}/g, (word) =>
    /[A-Za-z]/.test(word) && /\d/.test(word) ? `${word.slice(0, 6)}…` : word,
  )
}

function refuse(message: string, { json }: EnvCommandOptions, io: CliIo): ExitCode {
  if (json) printJson(io, { ok: false, message })
  else io.err(message)
  return exitCodes.configuration
}
