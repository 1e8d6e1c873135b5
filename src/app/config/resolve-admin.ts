/** Where the admin listener is: on this machine only, since it speaks no TLS and `/status`, `/metrics` and `/explain` are open. */

import { ADMIN_PORT, LISTEN_HOST } from '../../http/config-schema.ts'
import { isLoopbackHost } from '../../providers/local-address.ts'
import type { AdminListen } from './config.ts'
import { quote } from './fault.ts'
import type { FaultList } from './fault-list.ts'
import { parseListen } from './listen.ts'
import type { ConfigDocument } from './schema.ts'

/** Instead of an address: no admin listener. */
export const ADMIN_OFF = 'off'

/** `undefined` where there is to be none, or where the address is at fault. `override` is what `--admin` says. */
export function resolveAdmin(
  admin: ConfigDocument['admin'],
  override: string | undefined,
  faults: FaultList,
): AdminListen | undefined {
  if (override === ADMIN_OFF || (override === undefined && admin === false)) return undefined
  const inFile = admin === false ? undefined : admin.listen
  const written = override ?? inFile
  if (written === undefined) return { host: LISTEN_HOST, port: ADMIN_PORT, isNamed: false }
  const parsed = parseListen(written)
  const fault = parsed.type === 'fault' ? parsed.message : whyNotAdmin(parsed.address.host)
  if (parsed.type === 'address' && fault === undefined) return { ...parsed.address, isNamed: true }
  const path = ['admin', 'listen']
  const subject = override === undefined ? 'admin.listen' : '--admin'
  if (!faults.has(path)) faults.at(path, `${subject}: ${quote(String(written))} ${fault}`)
  return undefined
}

function whyNotAdmin(host: string): string | undefined {
  if (isLoopbackHost(host)) return undefined
  return 'reaches beyond this machine, where /status, /metrics and /explain would be open to everybody and sessions unencrypted: listen on 127.0.0.1, and reach it from elsewhere through a tunnel'
}
