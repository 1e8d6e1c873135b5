/** A tuned model is a resource of its own; every other name stands below `models/`. */

export interface ModelResource {
  readonly kind: string
  readonly name: string
}

export function modelResource(modelId: string): ModelResource {
  const [, kind = 'models', name = modelId] = /^(models|tunedModels)\/(.+)$/.exec(modelId) ?? []
  return { kind, name }
}

/** As it stands in a body: `models/gemini-2.5-flash`. */
export function resourceName(modelId: string): string {
  const { kind, name } = modelResource(modelId)
  return `${kind}/${name}`
}
