/** Projects and teams over the admin API. */

import { archiveProject, createProject, createTeam } from '../../keys/people-changes.ts'
import { archiveTeam, changeProject, renameTeam } from '../../keys/record-changes.ts'
import type { ProjectRecord, TeamRecord } from '../../keys/records.ts'
import { projectTable } from '../../reports/record-tables.ts'
import { sayProject } from '../../reports/say-records.ts'
import { changeDirectory } from './change-directory.ts'
import { type AdminCall, endpoint } from './endpoint.ts'
import { byId } from './grants.ts'
import { mapInSlices } from './in-slices.ts'
import { pageRecords } from './page-records.ts'
import { notFound } from './problem.ts'
import { recordCsv } from './record-csv.ts'
import {
  idSchema,
  limitsSchema,
  named,
  nameSchema,
  pageOf,
  pageQuery,
  readLimits,
  sayTime,
  tableQuery,
  tableRowsMax,
  timeSchema,
  withoutAbsent,
  z,
} from './schemas.ts'

const projectSchema = named(
  'Project',
  z.object({
    id: idSchema,
    name: z.string(),
    team_id: idSchema.nullable(),
    limits: limitsSchema,
    created_at: timeSchema,
    archived_at: timeSchema.nullable(),
  }),
)

const teamSchema = named(
  'Team',
  z.object({ id: idSchema, name: z.string(), created_at: timeSchema, archived_at: timeSchema.nullable() }),
)

export const projectEndpoints = [
  endpoint({
    route: 'GET /api/v1/projects',
    summary: 'The projects, the newest first.',
    query: z.strictObject({ ...tableQuery, team_id: idSchema.optional() }),
    answer: pageOf(projectSchema),
    csv: recordCsv(projectTable),
    async handle({ query, sight, directory, isCsv }) {
      const asked = directory.projects.filter(
        (project) =>
          sight.project(project) && (query.team_id === undefined || project.teamId === query.team_id),
      )
      const { rows, next } = pageRecords(asked, { ...query, limit: tableRowsMax(query, isCsv) })
      return { data: [...(await mapInSlices(rows, sayProject))], next }
    },
  }),
  endpoint({
    route: 'POST /api/v1/projects',
    summary: 'Adds a project.',
    body: z.strictObject({
      name: nameSchema,
      team_id: idSchema.optional(),
      limits: limitsSchema.optional(),
    }),
    status: 201,
    answer: projectSchema,
    async handle(call) {
      const { name, team_id: team, limits } = call.body
      const { edit } = await changeDirectory(call, (directory, context) =>
        createProject(
          directory,
          {
            name,
            ...withoutAbsent({
              team: byId('team_id', team, directory.teams),
              limits: limits && readLimits(limits),
            }),
          },
          context,
        ),
      )
      return sayProject(edit.project)
    },
  }),
  endpoint({
    route: 'GET /api/v1/projects/{id}',
    summary: 'One project.',
    answer: projectSchema,
    async handle(call) {
      return sayProject(projectInSight(call))
    },
  }),
  endpoint({
    route: 'PATCH /api/v1/projects/{id}',
    summary: 'Changes a project. What is named takes the place of what was; null takes it away.',
    body: z.strictObject({
      name: nameSchema.optional(),
      team_id: idSchema.nullable().optional(),
      limits: limitsSchema.nullable().optional(),
    }),
    answer: projectSchema,
    async handle(call) {
      const { name, team_id: team, limits } = call.body
      const { id } = projectInSight(call)
      const { edit } = await changeDirectory(call, (directory, context) => {
        byId('team_id', team ?? undefined, directory.teams)
        const change = { name, team, limits: limits && readLimits(limits) }
        return changeProject(directory, { project: id, ...withoutAbsent(change) }, context)
      })
      return sayProject(edit.project)
    },
  }),
  endpoint({
    route: 'DELETE /api/v1/projects/{id}',
    summary: 'Archives a project: its keys are worth nothing from then on. The record stays.',
    answer: projectSchema,
    async handle(call) {
      const { id } = projectInSight(call)
      const { directory } = await changeDirectory(call, (directory, context) =>
        archiveProject(directory, id, context),
      )
      return sayProject(projectInSight({ ...call, directory }))
    },
  }),
]

export const teamEndpoints = [
  endpoint({
    route: 'GET /api/v1/teams',
    summary: 'The teams, the newest first.',
    query: z.strictObject(pageQuery),
    answer: pageOf(teamSchema),
    async handle({ query, sight, directory }) {
      const { rows, next } = pageRecords(
        directory.teams.filter((team) => sight.team(team)),
        query,
      )
      return { data: rows.map(sayTeam), next }
    },
  }),
  endpoint({
    route: 'POST /api/v1/teams',
    summary: 'Adds a team.',
    body: z.strictObject({ name: nameSchema }),
    status: 201,
    answer: teamSchema,
    async handle(call) {
      const { edit } = await changeDirectory(call, (directory, context) =>
        createTeam(directory, call.body, context),
      )
      return sayTeam(edit.team)
    },
  }),
  endpoint({
    route: 'GET /api/v1/teams/{id}',
    summary: 'One team.',
    answer: teamSchema,
    async handle(call) {
      return sayTeam(teamInSight(call))
    },
  }),
  endpoint({
    route: 'PATCH /api/v1/teams/{id}',
    summary: 'Renames a team.',
    body: z.strictObject({ name: nameSchema }),
    answer: teamSchema,
    async handle(call) {
      const { id } = teamInSight(call)
      const { edit } = await changeDirectory(call, (directory, context) =>
        renameTeam(directory, { team: id, name: call.body.name }, context),
      )
      return sayTeam(edit.team)
    },
  }),
  endpoint({
    route: 'DELETE /api/v1/teams/{id}',
    summary: 'Archives a team: nobody new can join it. Its people and projects stay, and so does the record.',
    answer: teamSchema,
    async handle(call) {
      const { id } = teamInSight(call)
      const { directory } = await changeDirectory(call, (directory, context) =>
        archiveTeam(directory, id, context),
      )
      return sayTeam(teamInSight({ ...call, directory }))
    },
  }),
]

function sayTeam(team: TeamRecord): z.input<typeof teamSchema> {
  return {
    id: team.id,
    name: team.name,
    created_at: new Date(team.createdAtMs).toISOString(),
    archived_at: sayTime(team.archivedAtMs),
  }
}

function projectInSight({ directory, sight, id }: AdminCall): ProjectRecord {
  const project = directory.projects.find((other) => other.id === id)
  if (project === undefined || !sight.project(project)) throw notFound('project')
  return project
}

function teamInSight({ directory, sight, id }: AdminCall): TeamRecord {
  const team = directory.teams.find((other) => other.id === id)
  if (team === undefined || !sight.team(team)) throw notFound('team')
  return team
}
