/** Values that LiteLLM takes from the environment, as the configuration here says them. */

/** What a variable is for: what may stand in its place while the written file is checked. */
export type VariableUse = 'key' | 'address' | 'word'

export class References {
  /** Every variable that the written file names, and for what. */
  readonly uses = new Map<string, VariableUse>()

  /** `os.environ/NAME` becomes `${NAME}`; anything else stays, unless it would mean something else here. */
  read(
    text: string,
    use: VariableUse,
  ): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string } {
    const name = /^os\.environ\/\s*(.*)$/.exec(text)?.[1]?.trim()
    if (name !== undefined) {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
        return { ok: false, message: 'names a variable that no environment can hold' }
      const before = this.uses.get(name)
      if (use !== 'key' && before !== undefined && before !== 'key' && before !== use)
        return { ok: false, message: `names ${name}, which is something else elsewhere in the file` }
      this.name(name, use)
      return { ok: true, text: `\${${name}}` }
    }
    if (text === '') return { ok: false, message: 'is empty' }
    if (text.includes('${') || text.startsWith('file:'))
      return { ok: false, message: 'holds "${" or begins with "file:", which means something else here' }
    if (!/^[\x20-\x7e]*$/.test(text))
      return { ok: false, message: 'holds characters that cannot travel in a header' }
    return { ok: true, text }
  }

  /** A variable that the written file names by itself. */
  name(variable: string, use: VariableUse): string {
    // Any text will do as a key, so that what else it is decides.
    if (use !== 'key' || !this.uses.has(variable)) this.uses.set(variable, use)
    return `\${${variable}}`
  }

  /** An environment in which every variable that is not set has a value of its kind. */
  complete(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string | undefined>> {
    const missing = this.missing(env).map((name, index) => [
      name,
      standIn(this.uses.get(name) ?? 'key', index),
    ])
    return { ...env, ...Object.fromEntries(missing) }
  }

  missing(env: Readonly<Record<string, string | undefined>>): readonly string[] {
    return [...this.uses.keys()].filter(
      (name) => !Object.hasOwn(env, name) || (env[name] ?? '').trim() === '',
    )
  }
}

/** Whether a route or another entry of the written file can be called so. */
export function isName(text: string): boolean {
  return /^[\x21-\x7e]{1,128}$/.test(text) && !text.includes('${') && isFieldName(text)
}

/** Our own file takes no field of these names. */
export function isFieldName(text: string): boolean {
  return !/^(?:__proto__|constructor|prototype)$/.test(text)
}

function standIn(use: VariableUse, index: number): string {
  switch (use) {
    case 'key':
      return `Zq8vK2mX7pL4nR9tW3bY6${index}`
    case 'address':
      return `https://stand-in-${index}.invalid/v1`
    case 'word':
      // Long enough for a key too: a file may name one variable for both.
      return 'us-standin-region-4'
  }
}
