/** Records as a table, with the names that the caller may see of what their ids stand for. */

import type { RecordTable } from '../../reports/record-tables.ts'
import type { AdminCall, CsvTable } from './endpoint.ts'

export function recordCsv<Row>({
  columns,
  ids,
  cells,
}: RecordTable<Row>): CsvTable<{ readonly data: readonly Row[] }> {
  return {
    columns,
    cells: ({ answer, call }) => {
      const names = namesOf(new Set(answer.data.flatMap(ids)), call)
      return (row) => cells(row, names)
    },
  }
}

/** One look through each list, however many rows there are. */
function namesOf(
  ids: ReadonlySet<string>,
  { directory: { keys, projects, teams, users }, sight }: AdminCall,
): ReadonlyMap<string, string> {
  const named = [
    ...keys.filter((key) => ids.has(key.id) && sight.key(key)),
    ...projects.filter((project) => ids.has(project.id) && sight.project(project)),
    ...teams.filter((team) => ids.has(team.id) && sight.team(team)),
    ...users.filter((user) => ids.has(user.id) && sight.user(user)),
  ]
  return new Map(named.map(({ id, name }) => [id, name]))
}
