/** Empties the cache over the admin API. */

import { type CacheOwner, clearNote } from '../../cache/cache-clearing.ts'
import { cachedFor } from '../../exchange/cached-for.ts'
import { DirectoryError } from '../../keys/directory-edit.ts'
import type { Directory } from '../../keys/records.ts'
import { type AdminCall, endpoint } from './endpoint.ts'
import { byId } from './grants.ts'
import { invalid } from './problem.ts'
import { idSchema, z } from './schemas.ts'

export const cacheEndpoint = endpoint({
  route: 'DELETE /api/v1/cache',
  summary:
    'Removes answers from the cache, those of a semantic one among them: from this gateway at once, from others within two seconds.',
  query: z.strictObject({
    project: idSchema.optional().meta({ description: 'Only those of this project.' }),
    key: z.string().min(1).max(256).optional().meta({
      description: 'Only those of this key, which belongs to no project; of a key of the file its name.',
    }),
  }),
  answer: z.object({ removed: z.int().meta({ description: 'Answers that the store had.' }) }),
  async handle({ query, caller, directory, rooms }) {
    const { cache, clock } = rooms
    const tenant = tenantOf(query, directory, rooms)
    const note = clearNote({ atMs: clock.wallMs(), actor: caller.actor, owner: query })
    return { removed: await cache.drop([note], tenant) }
  },
})

function tenantOf(query: CacheOwner, { projects, keys }: Directory, { namesOfFile }: AdminCall['rooms']) {
  byId('project', query.project, projects)
  if (query.key !== undefined && !namesOfFile().includes(query.key)) byId('key', query.key, keys)
  try {
    return cachedFor(query, keys)
  } catch (error) {
    if (error instanceof DirectoryError) throw invalid(error.field, error.message)
    throw error
  }
}
