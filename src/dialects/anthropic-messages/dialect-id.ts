/** The name of this dialect, on every part that only it can say. */

export const DIALECT = 'anthropic-messages'
