/** By what a SQLite store knows the master secret again that it is used with. */

import type { Store } from '../store.ts'
import type { Database } from './database.ts'

const MARK = 'SELECT mark FROM secret_mark'
const USE =
  'INSERT INTO secret_mark (place, mark) VALUES (1, ?) ON CONFLICT DO UPDATE SET mark = excluded.mark'

export function matchSecret(db: Database, marks: Parameters<Store['matchSecret']>[0]): boolean {
  // A disk that takes no writes keeps nobody from reading under the secret of the last time.
  if (db.get(MARK)?.['mark'] === marks[0]) return true
  return db.write(() => {
    const known = db.get(MARK)?.['mark']
    if (known !== undefined && !marks.some((mark) => mark === known)) return false
    db.run(USE, marks[0])
    return true
  })
}
