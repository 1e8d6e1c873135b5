/**
 * Whom a request says that it is for: `metadata.user_id`. Claude Code says there which account and device it runs for, and
 * which session it is: a person is the same in all of them.
 */

import type { Envelope } from '../../canonical/envelope.ts'
import { objectOf, parseJson, stringOf } from '../../std/json.ts'
import { decodeJsonValue } from '../../wire/json-scan.ts'
import { isShort } from '../body-attribution.ts'
import type { BodyAttribution } from '../dialect.ts'

const OPEN_BRACE = 0x7b

export function readAttribution(body: Uint8Array, { fields }: Envelope): BodyAttribution | undefined {
  const span = fields.get('metadata')
  if (span === undefined || body[span.start] !== OPEN_BRACE || !isShort(span)) return undefined
  const userId = stringOf(objectOf(decodeJsonValue(body, span))?.['user_id'])
  if (userId === undefined || userId.trim() === '') return undefined
  const agent = readJsonId(userId) ?? readJoinedId(userId)
  return agent === undefined ? { endUser: userId } : attributionOfAgent(agent)
}

/** What Claude Code says of itself; any of it may be empty. */
interface AgentId {
  readonly account: string | undefined
  readonly device: string | undefined
  readonly session: string | undefined
}

/** Claude Code 2.1: `{"device_id":"...","account_uuid":"...","session_id":"..."}` (shared/clients/claude-code). */
function readJsonId(userId: string): AgentId | undefined {
  if (!userId.startsWith('{')) return undefined
  const said = objectOf(parseJson(userId))
  if (said === undefined) return undefined
  const device = stringOf(said['device_id'])
  const session = stringOf(said['session_id'])
  if (device === undefined && session === undefined) return undefined
  return { account: stringOf(said['account_uuid']), device, session }
}

const JOINED = /^user_([^_]+)_account_([^_]*)_session_([^_]+)$/

/** Claude Code before that: `user_<device>_account_<uuid>_session_<uuid>`. */
function readJoinedId(userId: string): AgentId | undefined {
  const [, device, account, session] = JOINED.exec(userId) ?? []
  return device === undefined ? undefined : { account, device, session }
}

/** The account where there is one: a person may have several devices. */
function attributionOfAgent({ account, device, session }: AgentId): BodyAttribution {
  const endUser = account || device
  return {
    ...(endUser ? { endUser } : {}),
    ...(session ? { sessionId: session } : {}),
  }
}
