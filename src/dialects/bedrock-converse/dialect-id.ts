/** The name under which this dialect keeps what only it can say. */

export const DIALECT = 'bedrock-converse'
