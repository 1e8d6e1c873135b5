/**
 * Who is under way, where members come and go thousands of times a second. A `Set` or `Map` is the wrong list for that:
 * V8 makes it a new table every few dozen removals, each old table points to the next and to whoever stood in it then,
 * and one that was ever promoted to the old generation keeps all that came after it until the next full collection.
 * Everything a request had ever touched was copied there and cost a seventh of the gateway's CPU time.
 */

/** One member is in one roster at a time. */
export interface RosterMember {
  /** Where it stands in its roster, which alone writes it; `OUTSIDE` before and after. */
  rosterPlace: number
}

export const OUTSIDE = -1

/** Adding and removing are a few writes and allocate nothing. In no order: the last one takes the place of who leaves. */
export class Roster<Member extends RosterMember> {
  readonly #members: Member[] = []

  get size(): number {
    return this.#members.length
  }

  /** Does nothing where it is in already. */
  add(member: Member): void {
    if (member.rosterPlace !== OUTSIDE) return
    member.rosterPlace = this.#members.length
    this.#members.push(member)
  }

  /** Whether it was in. */
  delete(member: Member): boolean {
    const { rosterPlace } = member
    if (rosterPlace === OUTSIDE) return false
    member.rosterPlace = OUTSIDE
    const last = this.#members.pop()
    if (last !== undefined && last !== member) {
      last.rosterPlace = rosterPlace
      this.#members[rosterPlace] = last
    }
    return true
  }

  /** Those that are in now: who comes or goes meanwhile changes nothing of it. */
  list(): readonly Member[] {
    return [...this.#members]
  }
}
