/** An admin listener on a port of its own, with a store in memory, people of every role, and their keys. */

import { request } from 'node:http'
import { onTestFinished } from 'vitest'
import { createAdminApi } from '../../src/http/admin/admin-api.ts'
import type { WorkBounds } from '../../src/http/admin/bounded-work.ts'
import type { AdminRooms, AdminStore } from '../../src/http/admin/rooms.ts'
import { SignInLinks } from '../../src/http/admin/sign-in.ts'
import { createAdminServer } from '../../src/http/admin-server.ts'
import type { DirectoryEdit, EditContext } from '../../src/keys/directory-edit.ts'
import { createDirectoryKeyring } from '../../src/keys/directory-keyring.ts'
import { createGuessLimiter } from '../../src/keys/guess-limiter.ts'
import { createKey, type NewKey } from '../../src/keys/key-changes.ts'
import { KeyDirectory } from '../../src/keys/key-directory.ts'
import { createProject, createTeam, createUser } from '../../src/keys/people-changes.ts'
import type { Directory, Role } from '../../src/keys/records.ts'
import { createSeededIds, createSeededRandom } from '../../src/std/ids.ts'
import type { JsonObject } from '../../src/std/json.ts'
import { createSealer } from '../../src/std/sealer.ts'
import { Secret } from '../../src/std/secret.ts'
import { ManualClock } from '../../src/std/manual-clock.test-support.ts'
import { createMemoryStore } from '../../src/stores/memory/memory-store.ts'
import type { Store } from '../../src/stores/store.ts'
import type { NoticeRecord } from '../../src/telemetry/records.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'

const PEPPER = new Uint8Array(32).fill(9)
export const ROLES = ['owner', 'admin', 'member', 'viewer'] as const

export interface Asking {
  readonly method?: string
  readonly key?: string
  readonly cookie?: string
  readonly body?: unknown
  readonly form?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  /** The very bytes of the body. */
  readonly raw?: string
}

export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
  /** The body as JSON; an empty object where it is none. */
  readonly json: JsonObject
}

export interface AdminPlan {
  /** Default: in memory. */
  readonly openStore?: () => Promise<Store>
  /** In place of parts of the store. */
  readonly store?: (store: Store) => Partial<AdminStore>
  readonly bounds?: WorkBounds
  readonly rooms?: Partial<AdminRooms>
}

export type AdminStage = Awaited<ReturnType<typeof startAdmin>>

export async function startAdmin({ openStore, store: override, bounds, rooms: others = {} }: AdminPlan = {}) {
  const clock = new ManualClock()
  const ids = createSeededIds(createSeededRandom(7))
  const store = openStore === undefined ? createMemoryStore() : await openStore()
  onTestFinished(() => store.close())
  const telemetry = createTelemetry()
  const notices: NoticeRecord[] = []
  telemetry.notices.subscribe((notice) => notices.push(notice))
  const directory = new KeyDirectory({ clock, store, peppers: [PEPPER], notify: () => {} })
  await directory.start()
  onTestFinished(() => directory.stop())

  const edit = async <Edit extends DirectoryEdit>(
    decide: (directory: Directory, context: EditContext) => Edit,
  ): Promise<Edit> => {
    const made = decide(directory.current as Directory, { nowMs: clock.wallMs(), actor: 'cli', ids })
    await store.changeDirectory(made.changes, made.notes)
    await directory.refresh()
    return made
  }
  const makeKey = async (asked: NewKey) => {
    const { key, secret } = await edit((known, context) =>
      createKey(known, asked, { ...context, peppers: [PEPPER] }),
    )
    return { id: key.id as string, secret: secret.reveal() }
  }
  const team = (await edit((known, context) => createTeam(known, { name: 'red' }, context))).team
  const otherTeam = (await edit((known, context) => createTeam(known, { name: 'blue' }, context))).team
  const makeUser = async (name: string, role: Role, teamId: string = team.id) =>
    (await edit((known, context) => createUser(known, { name, role, team: teamId }, context))).user
  const users = {
    owner: await makeUser('olga', 'owner'),
    admin: await makeUser('adam', 'admin'),
    member: await makeUser('mia', 'member'),
    viewer: await makeUser('vera', 'viewer'),
    stranger: await makeUser('sam', 'member', otherTeam.id),
  }
  const makeProject = async (name: string, of: string) =>
    (await edit((known, context) => createProject(known, { name, team: of }, context))).project
  const project = await makeProject('red app', team.id)
  const otherProject = await makeProject('blue app', otherTeam.id)
  const adminKey = (role: keyof typeof users) =>
    makeKey({ name: `${role} admin`, kind: 'admin', user: users[role].id })
  const keys = {
    owner: await adminKey('owner'),
    admin: await adminKey('admin'),
    member: await adminKey('member'),
    viewer: await adminKey('viewer'),
    stranger: await adminKey('stranger'),
  }
  const dataKeys = {
    member: await makeKey({ name: 'mia laptop', user: users.member.id, project: project.id }),
    stranger: await makeKey({ name: 'sam laptop', user: users.stranger.id, project: otherProject.id }),
  }

  const signInLinks = new SignInLinks({ clock, ids })
  const view = { status: () => status(), explain: () => undefined }
  const readiness = () => ({ isReady: true, reasons: [] })
  const rooms: AdminRooms = {
    store: override === undefined ? store : { ...store, ...override(store) },
    cache: { drop: (notes, tenant) => store.dropCached(notes, tenant) },
    findBodies: async () => ({ type: 'none' }),
    directory,
    budgets: { look: async () => true },
    adminKeys: createDirectoryKeyring([], directory),
    guesses: createGuessLimiter(clock),
    peppers: [PEPPER],
    sealer: createSealer([new Secret('the master secret of this stage')]),
    namesOfFile: () => ['of the file'],
    signInLinks,
    clock,
    ids,
    view,
    readiness,
    config: {
      routes: () => [{ name: 'smart', targets: ['up/m'], policy: { retries: 1 } }],
      targets: () => [
        { target: 'up/m', provider: 'up', dialect: 'openai-chat', isLocal: false, credential: '0a1b2c3d' },
      ],
      placeOf: ({ name }) => ({ path: 'holdfast.yaml', ...(name === 'smart' && { line: 12 }) }),
    },
    telemetry,
    ...others,
  }
  const api = createAdminApi(rooms, bounds)
  const server = createAdminServer({ view, readiness, metrics: async () => 'up 1\n', telemetry, api })
  onTestFinished(() => server.close())
  const { port, url } = await server.listen('127.0.0.1', 0)
  const everySecret = Object.values({ ...keys, a: dataKeys.member, b: dataKeys.stranger }).map(
    ({ secret }) => secret,
  )
  return {
    url,
    port,
    api,
    rooms,
    store,
    clock,
    notices,
    directory,
    signInLinks,
    users,
    keys,
    dataKeys,
    team,
    otherTeam,
    project,
    otherProject,
    edit,
    makeKey,
    everySecret,
    ask: (path: string, asking: Asking = {}) => ask(port, path, asking),
    /** Signs in with a link: the cookie and the CSRF token. */
    signIn: async (user?: keyof typeof users) => {
      const link = signInLinks.make(
        user === undefined ? { kind: 'role', role: 'owner' } : { kind: 'user', userId: users[user].id },
      )
      const token = link.path.split('token=')[1] ?? ''
      const answer = await ask(port, '/sign-in', { method: 'POST', form: { token } })
      const cookie = (answer.headers['set-cookie'] ?? '').split(';')[0] ?? ''
      const me = await ask(port, '/api/v1/me', { cookie })
      return { token, answer, cookie, csrf: textOf(me.json['csrf_token']) }
    },
  }
}

/** With headers that fetch does not let a caller set. */
export function ask(port: number, path: string, asking: Asking): Promise<Answered> {
  const { key, cookie, body, form, raw, headers = {} } = asking
  const sent =
    raw ?? (form === undefined ? body && JSON.stringify(body) : new URLSearchParams(form).toString())
  return new Promise((resolve, reject) => {
    const call = request(
      {
        port,
        path,
        host: '127.0.0.1',
        method: asking.method ?? 'GET',
        agent: false,
        headers: {
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
          ...(cookie !== undefined && { cookie }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
          ...headers,
        },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('error', reject)
        response.on('end', () => {
          const flat = Object.entries(response.headers).map(([name, value]) => [name, textOf(value)])
          resolve({
            status: response.statusCode ?? 0,
            headers: Object.fromEntries(flat),
            text,
            json: parse(text),
          })
        })
      },
    )
    call.on('error', reject)
    call.end(sent)
  })
}

function parse(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject
  } catch {
    return {}
  }
}

function status() {
  return {
    version: '1.2.3',
    at: '2026-01-02T12:00:00.000Z',
    startedAt: '2026-01-02T09:00:00.000Z',
    state: 'serving',
    config: { generation: 1, inForceSince: '2026-01-02T09:00:00.000Z' },
    process: {
      requestsInFlight: 0,
      requestsInFlightMax: 1,
      bufferedBytes: 0,
      bufferedBytesMax: 1,
      eventLoopLagMs: 0,
      isOverloaded: false,
      memoryBytes: 1,
    },
    targets: [],
    gates: [],
    retryBudgets: [],
  } as const
}

/** A field of an answer as text, whatever it is. */
export function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(',')
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
