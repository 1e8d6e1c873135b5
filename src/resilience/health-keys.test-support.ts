/** Keys of targets for tests of what is remembered of them. */

import type { HealthKey } from './target-health.ts'

export function healthKeyOf(target: string, credential = `c:${target}`): HealthKey {
  return { target, credential, label: target, fingerprint: credential }
}
