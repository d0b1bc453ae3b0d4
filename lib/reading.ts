/** A key of a model's file that changed a number: its value, and what it did, as a phrase such as 'texts are lower-cased'. */
export type KeyRead = { readonly key: string; readonly value: unknown; readonly effect: string }

/** A file of a model's folder that was read; `file` is its path relative to the folder. */
export type FileRead = { readonly file: string; readonly keys: readonly KeyRead[] }
