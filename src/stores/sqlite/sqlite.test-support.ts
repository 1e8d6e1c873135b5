/** A folder for a database, stores over it, and a second process that gets in the way. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { systemClock } from '../../std/clock.ts'
import { openSqliteStore, type SqliteStoreOptions } from './sqlite-store.ts'

export class DatabaseFolder {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'holdfast-sqlite-'))
  readonly path = path.join(this.folder, 'holdfast.db')
  readonly #opened: { close(): Promise<void> }[] = []
  readonly #children: ChildProcess[] = []

  async open(options: Partial<SqliteStoreOptions> = {}) {
    const store = await openSqliteStore({ path: this.path, clock: systemClock, ...options })
    this.#opened.push(store)
    return store
  }

  get names(): readonly string[] {
    return readdirSync(this.folder).sort()
  }

  /** Runs a program in another process; resolves when it says "ready". */
  async run(source: string): Promise<ChildProcess> {
    const child = spawn(process.execPath, ['--input-type=module', '-e', source, this.path], {
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: import.meta.dirname,
    })
    this.#children.push(child)
    await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
    return child
  }

  async remove(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL')
    for (const store of this.#opened) await store.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
