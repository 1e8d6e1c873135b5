/** A whole gateway on a free port, from a configuration as a person would write it, with everything it published. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type RunningGateway, startGateway } from '../../src/app/lifecycle.ts'
import type { Transport } from '../../src/std/transport.ts'
import type { AttemptRecord, ExchangeRecord, NoticeRecord } from '../../src/telemetry/records.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'

export interface TestGateway extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly running: RunningGateway
  readonly exchanges: readonly ExchangeRecord[]
  readonly attempts: readonly AttemptRecord[]
  readonly notices: readonly NoticeRecord[]
  /** Writes another configuration over the first; it comes into force by `running.reload()` or by itself. */
  writeConfig(config: string | object): void
  /** Resolves with the next record that satisfies `isWanted`, one already published included. */
  exchange(isWanted: (record: ExchangeRecord) => boolean): Promise<ExchangeRecord>
}

export interface TestGatewayOptions {
  /** YAML text, or an object that is written as JSON, which is YAML too. */
  readonly config: string | object
  readonly env?: Readonly<Record<string, string>>
  /** Instead of the gateway's own sockets: with a resolver or certificates of the test. */
  readonly transport?: Transport
}

const LISTEN_ANYWHERE = '127.0.0.1:0'

export async function startTestGateway(options: TestGatewayOptions): Promise<TestGateway> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-test-'))
  const configPath = path.join(folder, 'holdfast.yaml')
  const writeConfig = (config: string | object) =>
    writeFileSync(configPath, typeof config === 'string' ? config : JSON.stringify(config))
  writeConfig(options.config)

  const telemetry = createTelemetry()
  const exchanges: ExchangeRecord[] = []
  const attempts: AttemptRecord[] = []
  const notices: NoticeRecord[] = []
  telemetry.exchanges.subscribe((record) => exchanges.push(record))
  telemetry.attempts.subscribe((record) => attempts.push(record))
  telemetry.notices.subscribe((record) => notices.push(record))

  const running = await startGateway({
    configPath,
    listen: LISTEN_ANYWHERE,
    admin: LISTEN_ANYWHERE,
    env: options.env ?? {},
    logLevel: 'silent',
    findsLocalServers: false,
    telemetry,
    ...(options.transport === undefined ? {} : { transport: options.transport }),
  })

  return {
    url: running.url,
    port: running.port,
    running,
    exchanges,
    attempts,
    notices,
    writeConfig,
    exchange: (isWanted) =>
      new Promise((resolve) => {
        const known = exchanges.find(isWanted)
        if (known) return resolve(known)
        const leave = telemetry.exchanges.subscribe((record) => {
          if (!isWanted(record)) return
          leave()
          resolve(record)
        })
      }),
    async [Symbol.asyncDispose]() {
      await running.stop(0)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
