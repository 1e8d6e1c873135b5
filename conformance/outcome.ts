/** What the checks of one exchange came to. */

import type { TargetDialectId } from '../src/canonical/envelope.ts'

export interface Outcome {
  /** What was checked: `answer.read`, `to.gemini.stream`. */
  readonly check: string
  /** Absent: it holds. */
  readonly fault?: string
  readonly cell?: Cell
}

/** Where in the matrix an outcome counts. */
export interface Cell {
  readonly from: TargetDialectId
  readonly to: TargetDialectId
  readonly features: readonly string[]
  /** Features that could not be said there and were named as losses. */
  readonly named?: readonly string[]
}

/** Gathers outcomes; an exception inside a check is a failure of that check and of nothing else. */
export class Outcomes {
  readonly list: Outcome[] = []

  check(check: string, judge: () => readonly string[], cell?: Cell): void {
    this.list.push(outcomeOf(check, attempt(judge), cell))
  }

  async checkLater(check: string, judge: () => Promise<readonly string[]>, cell?: Cell): Promise<void> {
    let faults: readonly string[]
    try {
      faults = await judge()
    } catch (error) {
      faults = [describe(error)]
    }
    this.list.push(outcomeOf(check, faults, cell))
  }
}

function outcomeOf(check: string, faults: readonly string[], cell: Cell | undefined): Outcome {
  return {
    check,
    ...(faults.length === 0 ? {} : { fault: faults.slice(0, 4).join('; ') }),
    ...(cell === undefined ? {} : { cell }),
  }
}

function attempt(judge: () => readonly string[]): readonly string[] {
  try {
    return judge()
  } catch (error) {
    return [describe(error)]
  }
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : ''
  return `${error.constructor.name}${code}: ${error.message.slice(0, 300)}`
}
