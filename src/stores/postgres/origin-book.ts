/** The origins of a database, as a thread knows them: they are added to and never changed, so that only new ones are read. */

import type { Origins, OriginWords as OriginNames } from '../columns/column-coders.ts'
import { ORIGIN_DIMENSIONS } from '../columns/dimensions.ts'
import type { Row, Session } from './connections.ts'
import { ORIGIN_COLUMNS, type OriginWords } from './posted-columns.ts'
import { databaseJson, numberIn } from './row-values.ts'

const READ_NEW = {
  name: 'read-origins',
  text: `SELECT id, ${ORIGIN_COLUMNS} FROM holdfast.origins WHERE id > $1 ORDER BY id`,
}
const ADD = {
  text: `
INSERT INTO holdfast.origins (${ORIGIN_COLUMNS}) SELECT ${ORIGIN_COLUMNS}
FROM json_to_recordset($1::json) AS added(
  key text, project text, team text, "user" text, route text, model text, target text, provider text)
RETURNING id, ${ORIGIN_COLUMNS}`,
}

export interface NumberedOrigins {
  readonly origins: Origins
  readonly numberOf: (words: OriginWords) => number
}

export class OriginBook {
  /** Of committed transactions only. */
  readonly #names = new Map<number, OriginNames>()
  readonly #numbers = new Map<string, number>()
  #last = 0

  /** Those that came since the last time. */
  async read(session: Session): Promise<void> {
    for (const row of await session.query(READ_NEW, [this.#last])) {
      const words = originIn(row)
      this.#last = numberIn(row, 'id')
      this.#names.set(this.#last, namesOf(words))
      this.#numbers.set(JSON.stringify(words), this.#last)
    }
  }

  /** For one report: origins that have no number in the database yet get one while it lasts. */
  copy(): NumberedOrigins {
    const origins = new Map(this.#names)
    const others = new Map<string, number>()
    return {
      origins,
      numberOf: (words) => {
        const text = JSON.stringify(words)
        const known = this.#numbers.get(text) ?? others.get(text)
        if (known !== undefined) return known
        const number = this.#last + 1 + others.size
        others.set(text, number)
        origins.set(number, namesOf(words))
        return number
      },
    }
  }

  /**
   * Gives a number to those that have none, in the database: by one node at a time, inside a transaction. They are read
   * again once it is committed.
   */
  async adding(
    session: Session,
    all: Iterable<OriginWords>,
  ): Promise<(words: OriginWords) => number | undefined> {
    const unknown = new Map<string, OriginWords>()
    for (const words of all) {
      const text = JSON.stringify(words)
      if (!this.#numbers.has(text)) unknown.set(text, words)
    }
    const numbers = new Map<string, number>()
    if (unknown.size > 0) {
      const rows = [...unknown.values()].map((words) =>
        Object.fromEntries(ORIGIN_DIMENSIONS.map((name, place) => [name, words[place]])),
      )
      for (const row of await session.query(ADD, [databaseJson(rows)]))
        numbers.set(JSON.stringify(originIn(row)), numberIn(row, 'id'))
    }
    return (words) => {
      const text = JSON.stringify(words)
      return this.#numbers.get(text) ?? numbers.get(text)
    }
  }

  clear(): void {
    this.#names.clear()
    this.#numbers.clear()
    this.#last = 0
  }
}

/** Of a row with `ORIGIN_COLUMNS`. */
export function originIn(row: Row): OriginWords {
  return ORIGIN_DIMENSIONS.map((name) => {
    const word = row[name]
    return typeof word === 'string' ? word : null
  })
}

function namesOf(words: OriginWords): OriginNames {
  const named = ORIGIN_DIMENSIONS.map((name, place) => [name, words[place]] as const)
  return Object.fromEntries(named.filter(([, word]) => typeof word === 'string'))
}
