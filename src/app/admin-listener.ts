/** Opens the admin listener where one is wanted. An address that nobody asked for may be taken; the gateway starts without. */

import type { AdminServer } from '../http/admin-server.ts'
import type { NoticeRecord } from '../telemetry/records.ts'
import type { AdminListen } from './config/config.ts'
import { listenFault } from './start-error.ts'

export type AdminOpening =
  | { readonly type: 'off' }
  | { readonly type: 'listening'; readonly url: string }
  /** The operator named this address, and it cannot be had. */
  | { readonly type: 'refused'; readonly address: string; readonly code: string }

export async function openAdmin(
  server: AdminServer,
  wanted: AdminListen | undefined,
  onNotice: (notice: NoticeRecord) => void,
): Promise<AdminOpening> {
  if (wanted === undefined) return { type: 'off' }
  const { host, port, isNamed } = wanted
  const address = `${host}:${port}`
  try {
    const { url } = await server.listen(host, port)
    return { type: 'listening', url }
  } catch (error) {
    const code = listenFault(error)
    if (isNamed) return { type: 'refused', address, code }
    onNotice({
      level: 'warn',
      name: 'admin_unavailable',
      message: `${address} cannot be listened on (${code}), so there is no admin listener: give it an address of its own with admin: { listen: 127.0.0.1:4242 }.`,
      facts: { address, code },
    })
    return { type: 'off' }
  }
}
