/** What is told of a configuration that was read again: pure. */

import type { NoticeRecord } from '../telemetry/records.ts'
import type { HoldfastConfig } from './config/config.ts'
import { type ConfigFault, formatFault } from './config/fault.ts'
import { whatNeedsRestart } from './reload-rules.ts'

export function configReloaded(config: HoldfastConfig, started: HoldfastConfig): readonly NoticeRecord[] {
  const fields = whatNeedsRestart(config, started)
  const inForce: NoticeRecord = {
    level: 'info',
    name: 'config_reloaded',
    message: `The configuration is in force: ${config.providers.length} providers, ${config.routes.length} routes.`,
  }
  if (fields.length === 0) return [inForce]
  return [
    inForce,
    {
      level: 'warn',
      name: 'config_needs_restart',
      message: `Changed, and in effect from the next start on: ${fields.join(', ')}.`,
    },
  ]
}

export function configRejected(faults: readonly ConfigFault[]): NoticeRecord {
  return {
    level: 'error',
    name: 'config_rejected',
    message: `The configuration was not changed, the one before stays in force: ${said(faults)}`,
    facts: { faults: faults.length },
  }
}

export function certificateRejected(faults: readonly ConfigFault[]): NoticeRecord {
  return {
    level: 'error',
    name: 'certificate_rejected',
    message: `The certificate was not changed, the one before is served on, and the next start would be refused: ${said(faults)}`,
    facts: { faults: faults.length },
  }
}

export function secretFilesGone(files: readonly string[]): NoticeRecord {
  return {
    level: 'error',
    name: 'secret_file_gone',
    message: `Secrets are used that cannot be read any more, and the next start will do without them: put back ${files.join(', ')}, or name another place in the configuration.`,
    facts: { files: files.length },
  }
}

function said(faults: readonly ConfigFault[]): string {
  return faults.map(formatFault).join(' | ')
}
