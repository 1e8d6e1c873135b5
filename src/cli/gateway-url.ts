/** How a gateway is reached from the machine it runs on. */

import type { HoldfastConfig } from '../app/config/config.ts'
import type { OwnProof } from '../upstream/ask-own.ts'

type Reached = Pick<HoldfastConfig, 'listen' | 'shown'>

export function gatewayUrl({ host, port }: { readonly host: string; readonly port: number }): string {
  return `http://${bracketed(reachable(host))}:${port}`
}

/** Where its clients reach it: over TLS by a name that its certificate proves, since they would refuse it by another. */
export function clientUrl({ listen, shown }: Reached): string {
  if (shown === undefined) return gatewayUrl(listen)
  const name = shown.names.find((one) => !one.startsWith('*')) ?? reachable(listen.host)
  return `https://${bracketed(name)}:${listen.port}`
}

/** What a person must know of `clientUrl`: the name was chosen for them, or there was none to choose. */
export function urlRemark(reached: Reached): string | undefined {
  const { shown } = reached
  if (shown === undefined || (shown.names.length === 1 && !shown.names[0]?.startsWith('*'))) return undefined
  const whose =
    shown.chain === undefined
      ? 'could not be read here'
      : shown.names.length === 0
        ? 'has no host name'
        : `is for ${shown.names.join(', ')}`
  return `the certificate of the gateway ${whose}, and clients refuse it by a name that is not in there: where ${clientUrl(reached)} is not how they reach it, use the right address (holdfast env takes it with --url)`
}

/**
 * Where a command of this machine asks it: where it listens, and not where a name of its certificate may lead, since what is
 * sent are keys and prompts.
 */
export function ownGateway({ listen, shown }: Reached): { readonly url: string; readonly proof?: OwnProof } {
  if (shown === undefined) return { url: gatewayUrl(listen) }
  const { names, chain } = shown
  const name = names.find((one) => !one.startsWith('*')) ?? names[0]?.replace('*', 'holdfast')
  return {
    url: `https://${bracketed(reachable(listen.host))}:${listen.port}`,
    proof: { ...(name !== undefined && { name }), ...(chain !== undefined && { chain }) },
  }
}

function reachable(host: string): string {
  return host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
