/**
 * Which names a request may call a listener of this machine by. A page whose name was rebound to 127.0.0.1 reaches it
 * with that name in `Host`, and no name but loopback's own is answered: the browser's same-origin rule does the rest.
 */

import { isLoopbackHost } from '../providers/local-address.ts'

const HOST = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?$/

/** Whether the value of a `Host` header names this machine and nothing else. */
export function isLoopbackName(host: string | undefined): boolean {
  const name = HOST.exec(host ?? '')?.[1]
  return name !== undefined && isLoopbackHost(name)
}
