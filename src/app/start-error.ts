/** Why a gateway did not start, in words for whoever started it. */

import type { ConfigFault } from './config/fault.ts'

export class StartError extends Error {
  override readonly name = 'StartError'
  readonly reason: 'configuration' | 'address' | 'environment'
  readonly faults: readonly ConfigFault[]

  constructor(reason: StartError['reason'], message: string, faults: readonly ConfigFault[] = []) {
    super(message)
    this.reason = reason
    this.faults = faults
  }
}

/** An address that cannot be listened on; `option` is where another one can be named. */
export function addressError(address: string, code: string, option: '--listen' | '--admin'): StartError {
  return new StartError('address', whyNoAddress(address, code, option))
}

/** Node's code of why an address cannot be listened on: `EADDRINUSE`, `EACCES`, ... */
export function listenFault(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}

function whyNoAddress(address: string, code: string, option: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `${address} is in use. Stop what listens there, or choose another address: holdfast start ${option} 127.0.0.1:4242`
    case 'EACCES':
      return `${address} may not be listened on by this user. Choose a port above 1023.`
    case 'EADDRNOTAVAIL':
      return `${address} is no address of this machine. Use 127.0.0.1, or an address of one of its interfaces.`
    default:
      return `${address} cannot be listened on (${code}).`
  }
}
