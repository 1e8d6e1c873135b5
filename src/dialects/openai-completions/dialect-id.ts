/** The name of this dialect, for what is kept for it. */

export const DIALECT = 'openai-completions'
